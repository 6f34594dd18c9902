package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// selection turns -target and -exclude into what a plan is narrowed to. Both
// take addresses (a block without its key stands for all its instances, a tenant
// for its companions too), wave.NAME, and label.KEY=VALUE.
func selection(f *schema.Fleet, targets, excludes []string) (plan.Selection, error) {
	if len(targets) == 0 && len(excludes) == 0 {
		return nil, nil
	}
	for i, p := range slices.Concat(targets, excludes) {
		if !knownPattern(f, p) {
			option := "target"
			if i >= len(targets) {
				option = "exclude"
			}
			return nil, unknownPattern(f, option, p)
		}
	}
	return func(address, wave string, labels map[string]string) bool {
		return (len(targets) == 0 || matchesAny(targets, address, wave, labels)) && !matchesAny(excludes, address, wave, labels)
	}, nil
}

// unknownPattern says of what there is not what it most likely means.
func unknownPattern(f *schema.Fleet, option, pattern string) error {
	advice := "Write system, tenant.NAME, tenant.NAME[\"KEY\"], wave.NAME or label.KEY=VALUE."
	known := patterns(f)
	if i := slices.IndexFunc(known, func(k string) bool { return strings.ReplaceAll(k, `"`, "") == pattern }); i >= 0 {
		advice = fmt.Sprintf("The shell takes quotes away. Write -%s='%s'.", option, known[i])
	} else if near := nearest(pattern, known); near != "" {
		advice = fmt.Sprintf("Did you mean %s?", near)
	}
	return advise(fmt.Errorf("no release, wave or label of this fleet is called %q", pattern), advice)
}

// patterns are what may be written for what there is in a fleet.
func patterns(f *schema.Fleet) []string {
	known := []string{f.System.Address}
	for _, t := range f.Tenants {
		block, _, keyed := strings.Cut(t.Address, "[")
		if known = append(known, t.Address); keyed {
			known = append(known, block)
		}
		for key, value := range t.Labels {
			known = append(known, "label."+key+"="+value)
		}
	}
	for _, w := range f.Rollout.Waves {
		known = append(known, "wave."+w.Name)
	}
	for _, r := range f.Removed {
		known = append(known, r.Address())
	}
	slices.Sort(known)
	return slices.Compact(known)
}

func knownPattern(f *schema.Fleet, pattern string) bool {
	if matches(pattern, f.System.Address, "", nil) {
		return true
	}
	wave := map[string]string{}
	for _, w := range f.Rollout.Waves {
		if pattern == "wave."+w.Name {
			return true
		}
		for _, t := range w.Tenants {
			wave[t] = w.Name
		}
	}
	for _, t := range f.Tenants {
		if matches(pattern, t.Address, wave[t.Address], t.Labels) {
			return true
		}
		for _, c := range t.Companions {
			if matches(pattern, c.Address, wave[t.Address], t.Labels) {
				return true
			}
		}
	}
	return slices.ContainsFunc(f.Removed, func(r *schema.Removed) bool { return matches(pattern, r.Address(), "", nil) })
}

func matchesAny(patterns []string, address, wave string, labels map[string]string) bool {
	for _, p := range patterns {
		if matches(p, address, wave, labels) {
			return true
		}
	}
	return false
}

func matches(pattern, address, wave string, labels map[string]string) bool {
	if rest, ok := strings.CutPrefix(address, pattern); ok && (rest == "" || rest[0] == '[' || strings.HasPrefix(rest, ".companion.")) {
		return true
	}
	if name, ok := strings.CutPrefix(pattern, "wave."); ok {
		return wave == name
	}
	if label, ok := strings.CutPrefix(pattern, "label."); ok {
		key, value, _ := strings.Cut(label, "=")
		got, set := labels[key]
		return set && got == value
	}
	return false
}
