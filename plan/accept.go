package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/schema"
)

// objection is something in a hop that is refused unless the files accept it.
type objection struct {
	// Word is what accepts it in the files; Accepted says that it is there.
	Word     string
	Accepted bool
	// Summary and Detail make the diagnostic of what is not accepted; Detail is
	// to follow the release's description and a colon.
	Summary, Detail string
	// What happens, and what follows from that, are for the class; they hold the
	// tenant's names.
	What, Follows string
}

// note tells the class.
func (o objection) note() string {
	if o.Accepted {
		return o.What + ", as accepted: " + o.Follows
	}
	return o.What + ": " + o.Follows
}

// objections returns what of a hop's changes destroys data or cannot be done
// on live objects. jobsDeleted says that the release's Jobs are deleted before
// the upgrade, so that it makes them anew.
func objections(r *schema.Release, changes []objectChange, jobsDeleted bool) []objection {
	var out []objection
	for _, o := range changes {
		switch {
		case o.action == Delete && !kept(o) && !movedTo(changes, o, r.Namespace):
			switch o.key.kind {
			case "StatefulSet":
				out = append(out, removedSet(o))
			case "PersistentVolumeClaim":
				out = append(out, removedClaim(o))
			}
		case o.key.kind == "Job" && jobsDeleted:
		default:
			if fields := immutableFields(o); len(fields) > 0 {
				out = append(out, recreated(o, fields, r.Namespace))
			}
		}
	}
	for i := range out {
		out[i].Accepted = r.Accept.Accepts(out[i].Word)
	}
	return out
}

// kept says that Helm leaves the object where it is.
func kept(o objectChange) bool {
	annotations, _ := valueAt(o.before, "metadata", "annotations").(map[string]any)
	policy, _ := annotations["helm.sh/resource-policy"].(string)
	return strings.EqualFold(strings.TrimSpace(policy), "keep")
}

// movedTo says that the object is in the new manifest too, and only one of the
// two spells out its namespace.
func movedTo(changes []objectChange, gone objectChange, namespace string) bool {
	return slices.ContainsFunc(changes, func(o objectChange) bool {
		k := o.key
		return o.action == Create && k.group == gone.key.group && k.kind == gone.key.kind && k.name == gone.key.name &&
			cmp.Or(k.namespace, namespace) == cmp.Or(gone.key.namespace, namespace)
	})
}

func removedSet(o objectChange) objection {
	claims := "Its volume claims stay behind, unused, and go on counting against the namespace's quota."
	note := "its volume claims stay behind, unused"
	if textAt(o.before, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete" {
		claims = "Its volume claims go with it, because it says whenDeleted: Delete."
		note = "its volume claims go with it"
	}
	word := schema.RemoveWord(o.key.kind, o.key.name)
	return objection{
		Word: word, Summary: "StatefulSet would be removed",
		Detail: fmt.Sprintf("StatefulSet %s is in the live release and not in the new one, so the upgrade deletes it with its pods. %s If that is meant, write\n    accept = [%q]\nIf it is not, look for the value that switches it off.",
			o.key.name, claims, word),
		What: fmt.Sprintf("StatefulSet %s is removed", o.key.name), Follows: note,
	}
}

func removedClaim(o objectChange) objection {
	word := schema.RemoveWord(o.key.kind, o.key.name)
	return objection{
		Word: word, Summary: "PersistentVolumeClaim would be removed",
		Detail: fmt.Sprintf("PersistentVolumeClaim %s is in the live release and not in the new one, so the upgrade deletes it, and with it the data, unless its volume's reclaim policy is Retain. If that is meant, write\n    accept = [%q]",
			o.key.name, word),
		What: fmt.Sprintf("PersistentVolumeClaim %s is removed", o.key.name), Follows: "its data comes back from a backup only",
	}
}

func recreated(o objectChange, fields []string, namespace string) objection {
	word := schema.RecreateWord(o.key.kind, o.key.name)
	list := strings.Join(fields, ", ")
	command := fmt.Sprintf("kubectl delete %s %s", strings.ToLower(o.key.kind), o.key.name)
	if !clusterScoped[o.key.kind] {
		command += " -n " + cmp.Or(o.key.namespace, namespace)
	}
	return objection{
		Word: word, Summary: "Change that Kubernetes refuses",
		Detail: fmt.Sprintf("%s %s changes %s, which cannot be changed on a live object, and Helm replaces none: the upgrade would fail half-way. Keep the old value, or delete the object by hand shortly before the upgrade, which then creates it anew:\n    %s\n%sTo plan for that, write\n    accept = [%q]",
			o.key.kind, o.key.name, list, command, lost(o.key.kind), word),
		What:    fmt.Sprintf("%s %s has to be deleted by hand before the upgrade", o.key.kind, o.key.name),
		Follows: list + " changes, and while it is there, the upgrade fails",
	}
}

var clusterScoped = map[string]bool{"ClusterRoleBinding": true, "StorageClass": true}

// lost says what goes with an object that is deleted by hand.
func lost(kind string) string {
	switch kind {
	case "StatefulSet":
		return "Its pods go; its volume claims stay and are used again as they are. "
	case "Deployment", "DaemonSet", "Job":
		return "Its pods go with it. "
	case "PersistentVolumeClaim":
		return "Its data goes with it, unless its volume's reclaim policy is Retain. "
	}
	return ""
}

// unusedWords warns of words in `accept` that accept nothing. asked holds, by
// address, the exact words that the plan of a release asked for; a release
// without an entry was not planned, so its words are not judged. What one line
// of the files says for many releases is warned of only when it helps none.
func unusedWords(releases []*schema.Release, asked map[string][]string) []Diagnostic {
	type place struct {
		at   hcl.Range
		word int
	}
	type state struct {
		first   *schema.Release
		useless bool
	}
	states := map[place]*state{}
	var order []place
	for _, r := range releases {
		words, planned := asked[r.Address]
		for i, w := range r.Accept {
			p := place{r.Source.At("accept"), i}
			s := states[p]
			if s == nil {
				s = &state{first: r, useless: true}
				states[p] = s
				order = append(order, p)
			}
			if !planned || slices.ContainsFunc(words, func(exact string) bool { return schema.WordAccepts(w, exact) }) {
				s.useless = false
			}
		}
	}
	var out []Diagnostic
	for _, p := range order {
		if s := states[p]; s.useless {
			out = append(out, Diagnostic{
				Severity: Warning, Address: s.first.Address, Range: rangeOf(p.at), Summary: "Accepts nothing",
				Detail: fmt.Sprintf("%s: nothing in this plan asks for %q. Remove it, so that it does not accept something else one day.", s.first.Address, s.first.Accept[p.word]),
			})
		}
	}
	return out
}
