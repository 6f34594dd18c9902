package plan

import (
	"slices"
	"strings"

	"github.com/soctalk/fleet/schema"
)

// migratesByJob says whether the schema is moved by the chart's own Job before
// the upgrade (true), or by the upgrade itself.
func migratesByJob(m *Move, h *Hop) bool {
	switch m.System.Migration.Mode {
	case schema.MigrateJob:
		return true
	case schema.MigrateAuto:
		return h.Wanted.Chart.Templates[m.System.Migration.Template]
	}
	return false
}

// migrated says whether the migration Job has nothing to do in a hop, so that it
// may be left out. It has run for the very chart that is live: its revision was
// made by this program, which migrates first, and is deployed. Neither the Job nor
// what it reads changes, nor what its images' names stand for, and the schema is known to be where this version's code
// needs it. What became of the last Job, only the cluster can tell; see
// [Draft.MigrationStands]. Wherever one of these is not known, the Job runs: at its
// head it does nothing either.
func (x *hopReview) migrated() bool {
	m, h := x.move, x.hop
	if m.System == nil || h.From == nil || !h.From.Equal(h.To) || x.draft.observation.Offline {
		return false
	}
	if m.Live.Status != "deployed" || m.Live.ChartDigest == "" || m.Live.ChartDigest != h.Wanted.Chart.Digest {
		return false
	}
	if at := x.draft.schemaBefore(m, h); at == "" || len(x.draft.schemaMove(m, h)) > 0 {
		return false
	}
	jobs := 0
	for _, o := range x.after {
		if kindOf(o) != "Job" {
			continue
		}
		if slices.ContainsFunc(containers(o), func(c container) bool { return !c.fixed() }) {
			return false
		}
		jobs++
		for _, c := range x.changes {
			if c.key == keyOf(o) || c.readBy(o) {
				return false
			}
		}
	}
	return jobs > 0
}

// JobStands says whether a live Job is complete, and is what a manifest says: what
// a migration left that failed, or that was of another version, is neither. Helm
// could not bring that to the manifest, because a Job's template never changes.
func JobStands(manifest, live Object) bool {
	complete := slices.ContainsFunc(mapsAt(live, "status", "conditions"), func(c map[string]any) bool {
		return textAt(c, "type") == "Complete" && textAt(c, "status") == "True"
	})
	return complete && holds(live["spec"], manifest["spec"])
}

// holds says whether a live value is what a manifest says, beside what the API
// server adds. What is empty may be absent.
func holds(live, manifest any) bool {
	switch want := manifest.(type) {
	case map[string]any:
		have, _ := live.(map[string]any)
		for k, v := range want {
			if !holds(have[k], v) {
				return false
			}
		}
		return true
	case []any:
		have, _ := live.([]any)
		if len(have) != len(want) {
			return false
		}
		for i, v := range want {
			if !holds(have[i], v) {
				return false
			}
		}
		return true
	case nil:
		return true
	case string:
		if live == nil {
			return want == ""
		}
	}
	if identical(live, manifest) {
		return true
	}
	a, okA := parseQuantity(live)
	b, okB := parseQuantity(manifest)
	return okA && okB && a.Cmp(b) == 0
}

// readBy says whether a workload's pods read a changed ConfigMap or Secret.
func (o objectChange) readBy(workload Object) bool {
	if o.key.kind != "ConfigMap" && o.key.kind != "Secret" {
		return false
	}
	env, mounted := uses(podSpec(workload), o.key.kind, o.key.name)
	return env || mounted
}

// fixed says that the name of a container's image goes on standing for the same
// image, as far as a name tells.
func (c container) fixed() bool {
	if strings.Contains(c.image, "@") {
		return true
	}
	_, tag, tagged := strings.Cut(c.image[strings.LastIndexByte(c.image, '/')+1:], ":")
	return tagged && tag != "latest" && textAt(c.spec, "imagePullPolicy") != "Always"
}
