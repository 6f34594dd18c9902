package plan

import (
	"fmt"
	"slices"
	"strings"
)

// WantsClaims says whether an install makes volume claims, which may be there
// already: uninstalling leaves those of StatefulSets where they are.
func (o *Outcome) WantsClaims() bool { return len(o.claims()) > 0 }

func (o *Outcome) claims() []string {
	var names []string
	for _, t := range o.Turns {
		for _, c := range t.After.Claims {
			names = append(names, c.Name)
		}
	}
	return names
}

// minted are the Secrets that differ from render to render: no live one of the
// name was found to take the data from.
func minted(r *Rendered) []string {
	again := index(r.Again)
	var names []string
	for _, o := range r.Objects {
		if k := keyOf(o); k.kind == "Secret" && len(unstable(o, again[k])) > 0 {
			names = append(names, k.name)
		}
	}
	return names
}

// checkClaims warns of installs that take over what an earlier one left.
func (d *Draft) checkClaims(outcomes map[string]*Outcome) {
	for _, m := range d.Moves {
		o := outcomes[m.Release.Address]
		if m.Action != Install || o == nil {
			continue
		}
		there := d.Claims[Namespace{m.Release.Cluster, m.Release.Namespace}]
		left := slices.DeleteFunc(o.claims(), func(name string) bool { return !slices.Contains(there, name) })
		if len(left) == 0 {
			continue
		}
		slices.Sort(left)
		detail := fmt.Sprintf("%s: these volume claims of an earlier install are there still, and will be used with the data in them: %s.", describe(m.Release), strings.Join(left, ", "))
		if len(o.Minted) > 0 {
			slices.Sort(o.Minted)
			detail += fmt.Sprintf(" With it, this install makes new random data for the Secret %s, which need not fit what that data was made with: passwords and keys may be refused. To go on with the old data, bring the old Secret back first.", strings.Join(o.Minted, ", "))
		}
		d.tell(Warning, m.Release, "", "Volume claims of an earlier install are there", fmt.Sprintf(
			"%s To begin anew, delete the claims, and with them their data:\n    kubectl delete pvc %s -n %s", detail, strings.Join(left, " "), m.Release.Namespace))
	}
}
