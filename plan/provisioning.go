package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/schema"
)

// SocTalk's own controller brings a tenant to the chart and images that the
// system's values name, at any edit of that tenant's settings. These values are
// the pins.
const (
	provisioning = "tenantProvisioning"
	pinnedRef    = "tenantChartRef"
	pinnedChart  = "tenantChartVersion"
)

var pinnedTags = []string{"adapterImageTag", "linuxEpImageTag", "runsWorkerImageTag"}

// pinSet holds the pins that a system works by, by key. A chart that knows no
// such value has no entry.
type pinSet struct {
	value map[string]string
	// given are the keys that values or chart name; the other ones follow the
	// version of the API. own are those that a person wrote.
	given, own map[string]bool
}

// pinsOf returns the pins of a system: its chart's defaults with the user's
// values over them. An image tag that is empty is the API's own version, which
// is image.tag or else what the chart is made for.
func pinsOf(defaults, values map[string]any, appVersion string) pinSet {
	p := pinSet{map[string]string{}, map[string]bool{}, map[string]bool{}}
	own := scalarText(effective(defaults, values, "image", "tag"))
	if own == "" {
		own = appVersion
	}
	for _, key := range append([]string{pinnedRef, pinnedChart}, pinnedTags...) {
		v := effective(defaults, values, provisioning, key)
		if v == nil {
			continue
		}
		p.value[key], p.given[key] = scalarText(v), scalarText(v) != ""
		p.own[key] = effective(nil, values, provisioning, key) != nil
		if !p.given[key] && slices.Contains(pinnedTags, key) {
			p.value[key] = own
		}
	}
	return p
}

// at returns the pins that suit tenants at one version of their chart.
func (p pinSet) at(version, appVersion string) pinSet {
	out := pinSet{maps.Clone(p.value), p.given, p.own}
	for key := range out.value {
		switch {
		case key == pinnedChart:
			out.value[key] = version
		case slices.Contains(pinnedTags, key):
			out.value[key] = appVersion
		}
	}
	return out
}

// changed returns the paths of the pins that differ.
func (p pinSet) changed(to pinSet) []string {
	var paths []string
	for _, key := range slices.Sorted(maps.Keys(to.value)) {
		if before, had := p.value[key]; had && before != to.value[key] {
			paths = append(paths, provisioning+"."+key)
		}
	}
	return paths
}

// inImage says that the chart is a folder within the API's image, so that it
// changes with the image whatever the pins say.
func (p pinSet) inImage() bool {
	ref, has := p.value[pinnedRef]
	return has && ref != "" && !strings.Contains(ref, "://")
}

// holdPins returns the values of a system's upgrade with its pins left at other
// ones than the values ask for. target are the pins that the values ask for;
// what the target's chart does not know is not written. The values given are
// not modified, and are returned themselves when there is nothing to hold.
func holdPins(values map[string]any, target, held pinSet) map[string]any {
	paths := held.changed(target)
	if len(paths) == 0 {
		return values
	}
	out := maps.Clone(values)
	if out == nil {
		out = map[string]any{}
	}
	table, _ := out[provisioning].(map[string]any)
	table = maps.Clone(table)
	if table == nil {
		table = map[string]any{}
	}
	for _, path := range paths {
		key := strings.TrimPrefix(path, provisioning+".")
		table[key] = held.value[key]
	}
	out[provisioning] = table
	return out
}

// pinnedTenant is a tenant as the pins concern it.
type pinnedTenant struct {
	Address string
	// Live is nil for one that is not installed. Wanted is what the files say,
	// AppVersion what the chart at that version is made for.
	Live, Wanted *semver.Version
	AppVersion   string
	// Planned says that the plan brings it to Wanted, or that it is there.
	Planned bool
}

// pinOrder says when a system's pins change, in a plan that upgrades tenants.
type pinOrder struct {
	// Paths are the pins that change; the other fields are false without any.
	Paths []string
	// Hold: the system's own upgrade keeps the pins as they are, because
	// tenants still have to move. See [holdPins].
	Hold bool
	// Step: a last step, after all tenants, sets the new ones. Without it the
	// pins stay until a later plan, which brings the rest of the tenants.
	Step bool
	// Notes are for the system's class, one a line.
	Notes []string
}

// orderPins decides when the pins change. As long as a tenant has to move, now
// or in a later plan, the old ones stay: a run that stops half-way must not have
// SocTalk bring the other tenants to a version that has just failed.
func orderPins(live, wanted pinSet, tenants []pinnedTenant) pinOrder {
	o := pinOrder{Paths: live.changed(wanted)}
	if len(o.Paths) == 0 {
		return o
	}
	left := 0
	for _, t := range tenants {
		moves := t.Live != nil && t.Wanted != nil && !t.Live.Equal(t.Wanted)
		o.Hold = o.Hold || moves
		if moves && !t.Planned {
			left++
		}
	}
	if !o.Hold {
		return o
	}
	o.Step = left == 0
	list := strings.Join(o.Paths, ", ")
	if o.Step {
		o.Notes = append(o.Notes, fmt.Sprintf("the new %s are set last, after all tenants; until then, an edit of a tenant's settings in SocTalk takes that tenant back to the old ones", list))
	} else {
		o.Notes = append(o.Notes, fmt.Sprintf("%s stay as they are, because %d tenants move in a later plan; until then, an edit of a tenant's settings in SocTalk takes that tenant back to them", list, left))
	}
	if live.inImage() {
		o.Notes = append(o.Notes, fmt.Sprintf("%s.%s names a chart within the API's image, which changes with the image: edit no tenant's settings in SocTalk until its turn is over", provisioning, pinnedRef))
	}
	return o
}

// pinDiagnostics holds the pins that the system's files ask for against what
// they say of the tenants. No value of the files is told unless it is a plain
// version.
func pinDiagnostics(system *schema.Release, pins pinSet, tenants []pinnedTenant) []Diagnostic {
	version, has := pins.value[pinnedChart]
	if !has || len(tenants) == 0 || pins.inImage() {
		return nil
	}
	groups := groupTenants(tenants)
	var fit *pinnedGroup
	for _, g := range groups {
		if sameVersion(version, g.version) {
			fit = g
		}
	}
	say := func(severity Severity, key, summary, detail string) Diagnostic {
		if !pins.own[key] {
			severity = Warning // it is the chart's word, which the files do not mean to contradict
		}
		attr := "values"
		if slices.ContainsFunc(system.Set, func(s schema.SetValue) bool { return s.Path == provisioning+"."+key }) {
			attr = "set"
		}
		return Diagnostic{Severity: severity, Address: system.Address, Range: rangeOf(system.Source.At(attr)), Summary: summary, Detail: describe(system) + ": " + detail}
	}
	const why = "SocTalk's own controller brings a tenant to it at any edit of the tenant's settings."
	if fit == nil {
		return []Diagnostic{say(Error, pinnedChart, "Provisioning pin fits no tenant", fmt.Sprintf(
			"%s.%s is %s in the values that the system will have, and no tenant is meant to run that: %s. %s Set %s.%s to %q in the system's values.",
			provisioning, pinnedChart, shownPin(version), listGroups(groups), why, provisioning, pinnedChart, groups[0].version))}
	}
	var out []Diagnostic
	if len(groups) > 1 {
		others := slices.DeleteFunc(slices.Clone(groups), func(g *pinnedGroup) bool { return g == fit })
		out = append(out, say(Warning, pinnedChart, "Provisioning pin does not fit all tenants", fmt.Sprintf(
			"%s.%s is %s, and these are meant to run another version: %s. %s", provisioning, pinnedChart, fit.version, listGroups(others), why)))
	}
	var given, followed []string
	for _, key := range pinnedTags {
		tag, has := pins.value[key]
		switch {
		case !has || slices.Contains(fit.appVersions, tag):
		case pins.given[key]:
			given = append(given, key)
		default:
			followed = append(followed, key)
		}
	}
	made := strings.Join(fit.appVersions, " or ")
	if len(given) > 0 {
		out = append(out, say(Error, given[0], "Provisioning pin is another image", fmt.Sprintf(
			"%s is %s, but tenants run chart %s, which is made for %s. %s Remove the pin, or set it to %q.",
			pinPaths(given), shownPin(pins.value[given[0]]), fit.version, made, why, fit.appVersions[0])))
	}
	if len(followed) > 0 {
		out = append(out, say(Warning, followed[0], "Provisioning follows the system's version", fmt.Sprintf(
			"%s is not set and so follows the system, %s, but tenants run chart %s, which is made for %s. %s Set it to %q for as long as tenants stay there.",
			pinPaths(followed), shownPin(pins.value[followed[0]]), fit.version, made, why, fit.appVersions[0])))
	}
	return out
}

// pinnedGroup is the tenants that are meant to run one version.
type pinnedGroup struct {
	version     string
	appVersions []string
	addresses   []string
}

// groupTenants sorts tenants by version, the largest group first.
func groupTenants(tenants []pinnedTenant) []*pinnedGroup {
	var groups []*pinnedGroup
	for _, t := range tenants {
		i := slices.IndexFunc(groups, func(g *pinnedGroup) bool { return g.version == t.Wanted.String() })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &pinnedGroup{version: t.Wanted.String()})
		}
		g := groups[i]
		g.addresses = append(g.addresses, t.Address)
		if !slices.Contains(g.appVersions, t.AppVersion) {
			g.appVersions = append(g.appVersions, t.AppVersion)
		}
	}
	slices.SortStableFunc(groups, func(a, b *pinnedGroup) int {
		if n := len(b.addresses) - len(a.addresses); n != 0 {
			return n
		}
		return strings.Compare(a.version, b.version)
	})
	return groups
}

// listGroups names groups without growing with them.
func listGroups(groups []*pinnedGroup) string {
	const shown = 3
	var parts []string
	for _, g := range groups[:min(shown, len(groups))] {
		names := strings.Join(g.addresses[:min(shown, len(g.addresses))], ", ")
		if n := len(g.addresses) - shown; n > 0 {
			names += fmt.Sprintf(" and %d more", n)
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", g.version, names))
	}
	if n := len(groups) - shown; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more versions", n))
	}
	return strings.Join(parts, ", ")
}

func pinPaths(keys []string) string {
	return provisioning + "." + strings.Join(keys, ", "+provisioning+".")
}

var plainVersion = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+){0,2}$`)

// shownPin is a pin for people; what a person wrote into it might be no version.
func shownPin(text string) string {
	if plainVersion.MatchString(text) {
		return text
	}
	return "something else"
}

func sameVersion(a, b string) bool {
	x, errX := semver.StrictNewVersion(strings.TrimPrefix(a, "v"))
	y, errY := semver.StrictNewVersion(strings.TrimPrefix(b, "v"))
	return errX == nil && errY == nil && x.Equal(y)
}

// effective returns what a template sees at a path: the user's value, or else
// the chart's default, or nil. As in Helm, null removes a default.
func effective(defaults, values any, path ...string) any {
	for _, key := range path {
		d, _ := defaults.(map[string]any)
		v, _ := values.(map[string]any)
		own, has := v[key]
		switch {
		case has && own == nil:
			defaults, values = nil, nil
		case has:
			if _, table := own.(map[string]any); !table {
				return leafOf(own, key, path)
			}
			defaults, values = d[key], own
		default:
			defaults, values = d[key], nil
		}
	}
	if values != nil {
		return values
	}
	return defaults
}

// leafOf is a value that is no table, where the path ends with it.
func leafOf(v any, key string, path []string) any {
	if key == path[len(path)-1] {
		return v
	}
	return nil
}

// scalarText is a value as Helm prints it.
func scalarText(v any) string {
	switch v.(type) {
	case nil, map[string]any, []any:
		return ""
	}
	return fmt.Sprint(v)
}
