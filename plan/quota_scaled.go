package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Scale is a live workload: the pods that it is asked for, and those that it has.
type Scale struct{ Asked, Pods int }

// asScaled plays turns from where the workloads are, and not from where the live
// manifests have them: somebody may have scaled them. Helm takes a number that
// its manifest sets back to that, whether the workload changes otherwise or not,
// and leaves one that no manifest sets. why tells of those that were scaled up.
func asScaled(turns []Turn, scaled map[string]Scale) (out []Turn, why string) {
	if len(scaled) == 0 {
		return turns, ""
	}
	begun := map[string]bool{}
	var kept, back []string
	for _, t := range turns {
		t.Before.Workloads, t.After.Workloads = slices.Clone(t.Before.Workloads), slices.Clone(t.After.Workloads)
		for i, w := range t.Before.Workloads {
			s, known := scaled[w.Kind+"/"+w.Name]
			j := slices.IndexFunc(t.After.Workloads, func(a Workload) bool { return a.Kind == w.Kind && a.Name == w.Name })
			if !known {
				continue
			}
			up := s.Asked > w.Pods && !begun[t.Address]
			if !begun[t.Address] {
				t.Before.Workloads[i] = w.of(s.Pods)
			} else if w.Open {
				t.Before.Workloads[i] = w.of(s.Asked)
			}
			switch {
			case j < 0:
			case w.Open && t.After.Workloads[j].Open:
				t.After.Workloads[j] = t.After.Workloads[j].of(s.Asked)
				if up {
					kept = append(kept, fmt.Sprintf("%s %s runs %d pods, since the chart leaves the number to whoever scales it", w.Kind, w.Name, s.Asked))
				}
			case up:
				back = append(back, fmt.Sprintf("%s %s was scaled to %d beside Helm, and the upgrade takes it back to %d", w.Kind, w.Name, s.Asked, t.After.Workloads[j].Pods))
			}
		}
		begun[t.Address] = true
		out = append(out, t)
	}
	if all := append(kept, back...); len(all) > 0 {
		why = " Mind that " + strings.Join(all, ", and that ") + "."
	}
	return out, why
}

// Short are the namespaces whose quotas refuse what a draft does to them, for all
// that is known yet: of these the live workloads are worth a look.
func (d *Draft) Short(outcomes map[string]*Outcome) []Namespace {
	order, turns, _ := d.turns(outcomes)
	return slices.DeleteFunc(order, func(ns Namespace) bool {
		found := simulateQuota(ns.Name, d.observation.Bounds[ns], turns[ns], nil)
		return !slices.ContainsFunc(found, func(s Shortage) bool { return s.Severity == Error })
	})
}
