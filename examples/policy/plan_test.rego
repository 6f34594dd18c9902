# conftest verify --policy examples/policy
package main

import rego.v1

monday := time.parse_rfc3339_ns("2026-11-23T10:00:00Z")

# In Madrid it is Friday already.
friday := time.parse_rfc3339_ns("2026-11-26T23:30:00Z")

allowed := {
	"most_tenants": 2, "most_at_once": 1, "most_failures": 0,
	"timezone": "Europe/Madrid", "quiet_days": ["Friday"], "may_uninstall": ["tenant.gone"],
}

tenant(slug, wave, more) := object.union({"address": concat(".", ["tenant", slug]), "slug": slug, "wave": wave, "action": "upgrade", "reversibility": "reversible"}, more)

step(slug, more) := object.union({"kind": "upgrade", "address": concat(".", ["tenant", slug])}, more)

plan := {
	"releases": [tenant("a", "canary", {}), tenant("b", "rest", {}), {"address": "system", "action": "upgrade", "reversibility": "restore-required"}],
	"steps": [step("a", {}), step("b", {}), {"kind": "upgrade", "address": "system"}],
	"rollout": {"max_failures": 0},
	"diagnostics": [],
}

test_sound_plan_passes if {
	count(deny) == 0 with input as plan with data.limits as allowed with time.now_ns as monday
	count(warn) == 0 with input as plan with data.limits as allowed with time.now_ns as monday
}

test_too_many_tenants if {
	p := object.union(plan, {"releases": [tenant("a", "x", {}), tenant("b", "y", {}), tenant("c", "y", {})]})
	some msg in deny with input as p with data.limits as allowed with time.now_ns as monday
	contains(msg, "3 tenants would change, and one plan may change 2")
}

test_companions_and_what_stays_do_not_count if {
	p := object.union(plan, {"releases": [tenant("a", "x", {}), tenant("a", "x", {"address": "tenant.a.companion.wazuh"}), tenant("b", "y", {}), tenant("c", "y", {"action": "unchanged"})]})
	count(deny) == 0 with input as p with data.limits as allowed with time.now_ns as monday
}

test_breaking_needs_a_window if {
	breaking := object.union(plan, {"releases": [tenant("a", "x", {"reversibility": "restore-required"})], "steps": [step("a", {})]})
	deny == {"tenant.a is restore-required, and has no window"} with input as breaking with data.limits as allowed with time.now_ns as monday
	windowed := object.union(breaking, {"steps": [step("a", {"window": "night"})]})
	count(deny) == 0 with input as windowed with data.limits as allowed with time.now_ns as monday
}

test_no_return_needs_a_snapshot if {
	bare := object.union(plan, {"point_of_no_return": {"step": "system/0/migrate", "why": "the schema moves"}})
	count(deny) == 1 with input as bare with data.limits as allowed with time.now_ns as monday
	saved := object.union(plan, {"point_of_no_return": {"step": "system/0/migrate", "why": "the schema moves", "snapshots": ["system/0/snapshot"]}})
	count(deny) == 0 with input as saved with data.limits as allowed with time.now_ns as monday
}

test_quiet_day if {
	deny == {"it is Friday in Europe/Madrid, and nothing is changed then"} with input as plan with data.limits as allowed with time.now_ns as friday
	idle := object.union(plan, {"releases": [], "steps": []})
	count(deny) == 0 with input as idle with data.limits as allowed with time.now_ns as friday
}

test_all_in_one_wave if {
	p := object.union(plan, {"releases": [tenant("a", "rest", {}), tenant("b", "rest", {})]})
	deny == {"2 tenants would change in one wave: put some of them in a wave before it"} with input as p with data.limits as allowed with time.now_ns as monday
}

test_failures_and_uninstalls_and_losses if {
	p := object.union(plan, {
		"releases": [tenant("gone", "x", {"action": "uninstall"}), tenant("other", "y", {"action": "uninstall"})],
		"rollout": {"max_failures": 3},
		"losses": [{"address": "system", "what": "what was written since"}],
	})
	deny == {
		"tenant.other would be uninstalled, and limits.yaml does not name it",
		"max_failures is 3, and may be 0",
		"system loses what was written since",
	} with input as p with data.limits as allowed with time.now_ns as monday
}

test_warnings if {
	p := object.union(plan, {
		"skews": [{"system": "0.2.1", "tenant": "0.1.9", "status": "deprecated", "tenants": 2}],
		"diagnostics": [{"severity": "warning", "summary": "Old image"}, {"severity": "error", "summary": "Bad"}],
	})
	warn == {"2 tenants run 0.1.9 beside system 0.2.1, which is deprecated", "Old image"} with input as p with data.limits as allowed with time.now_ns as monday
}
