package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Subchart is a chart within a release's chart that the release's values
// enable. Version is empty where it is not known exactly.
type Subchart struct{ Name, Version, AppVersion string }

// subchartChanges compares the enabled subcharts of two revisions, by name.
// live objects tell what a stored revision does not: see [labelled].
func subchartChanges(live, wanted []Subchart, objects []Object) []SubchartChange {
	before, after := map[string]Subchart{}, map[string]Subchart{}
	for _, s := range live {
		before[s.Name] = labelled(s, objects)
	}
	for _, s := range wanted {
		after[s.Name] = s
	}
	names := maps.Clone(before)
	maps.Copy(names, after)
	var out []SubchartChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b, had := before[name]
		a, has := after[name]
		c := SubchartChange{Name: name, From: b.Version, To: a.Version}
		if had && has {
			if b.Version == a.Version || b.Version == "" {
				continue
			}
			c.Breaking = breakingBump(b.Version, a.Version) || breakingBump(b.AppVersion, a.AppVersion)
		}
		out = append(out, c)
	}
	return out
}

// labelled fills in from the labels that Helm's charts put on their objects
// what is not known of a live subchart: a stored revision names its subcharts,
// but neither their application's version nor, without a lock file, which
// version of a range it was.
func labelled(s Subchart, objects []Object) Subchart {
	for _, o := range objects {
		labels, _ := valueAt(o, "metadata", "labels").(map[string]any)
		chart, _ := labels["helm.sh/chart"].(string)
		version, ok := strings.CutPrefix(chart, s.Name+"-")
		version = strings.ReplaceAll(version, "_", "+") // a label holds no plus sign
		if _, err := semver.NewVersion(version); !ok || err != nil || s.Version != "" && version != s.Version {
			continue
		}
		if s.Version == "" {
			s.Version = version
		}
		if app, _ := labels["app.kubernetes.io/version"].(string); app != "" {
			s.AppVersion = app
			return s
		}
	}
	return s
}

// breakingBump says whether the second version is another major one. Below 1.0
// every bump may break by the letter of semantic versioning, which says nothing.
func breakingBump(before, after string) bool {
	b, errB := semver.NewVersion(before)
	a, errA := semver.NewVersion(after)
	return errB == nil && errA == nil && b.Major() != a.Major()
}
