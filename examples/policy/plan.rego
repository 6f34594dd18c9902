# Policies on a plan document, as `soctalk plan -json-into=plan.json` writes it. How
# much is too much stands in limits.yaml.
#
#   conftest test plan.json --policy examples/policy --data examples/policy/limits.yaml
package main

import rego.v1

limits := data.limits

tenants contains r.slug if {
	some r in input.releases
	r.slug
	r.action != "unchanged"
}

deny contains msg if {
	count(tenants) > limits.most_tenants
	msg := sprintf("%d tenants would change, and one plan may change %d: plan a part of them with -target=wave.NAME", [count(tenants), limits.most_tenants])
}

# What Helm alone does not bring back happens in a window.
deny contains msg if {
	some r in input.releases
	r.slug
	r.action == "upgrade"
	r.reversibility != "reversible"
	some s in input.steps
	s.kind == "upgrade"
	s.address == r.address
	not s.window
	msg := sprintf("%s is %s, and has no window", [r.address, r.reversibility])
}

# The point of no return has a snapshot before it.
deny contains msg if {
	input.point_of_no_return
	count(object.get(input.point_of_no_return, "snapshots", [])) == 0
	msg := sprintf("after %s there is no way back, and nothing is saved before: %s", [input.point_of_no_return.step, input.point_of_no_return.why])
}

# Nobody is there on the next day to see what came of it.
deny contains msg if {
	count(input.steps) > 0
	today := time.weekday([time.now_ns(), limits.timezone])
	today in limits.quiet_days
	msg := sprintf("it is %s in %s, and nothing is changed then", [today, limits.timezone])
}

# A rollout begins with few.
deny contains msg if {
	count(tenants) > limits.most_at_once
	waves := {r.wave | some r in input.releases; r.slug; r.action != "unchanged"}
	count(waves) == 1
	msg := sprintf("%d tenants would change in one wave: put some of them in a wave before it", [count(tenants)])
}

deny contains msg if {
	input.rollout.max_failures > limits.most_failures
	msg := sprintf("max_failures is %d, and may be %d", [input.rollout.max_failures, limits.most_failures])
}

deny contains msg if {
	some r in input.releases
	r.action == "uninstall"
	not r.address in limits.may_uninstall
	msg := sprintf("%s would be uninstalled, and limits.yaml does not name it", [r.address])
}

# Data that the plan gives up needs a person's word; see soctalk rollback.
deny contains msg if {
	some l in input.losses
	msg := sprintf("%s loses %s", [l.address, l.what])
}

warn contains msg if {
	some s in input.skews
	s.status == "deprecated"
	msg := sprintf("%d tenants run %s beside system %s, which is deprecated", [s.tenants, s.tenant, s.system])
}

warn contains msg if {
	some d in input.diagnostics
	d.severity == "warning"
	msg := d.summary
}
