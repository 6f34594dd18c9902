package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/internal/journal"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"sigs.k8s.io/yaml"
)

// mostNamespaces is how many a line names.
const mostNamespaces = 3

// welcome is what a run can do without, and explains better with.
var welcome = []kube.Access{
	{Verb: "create", Group: "events.k8s.io", Resource: "events"},
	{Verb: "list", Resource: "events"},
	{Verb: "get", Resource: "pods/log"},
}

// preflight finds the permissions that a run of the plan would lack, all of
// them, before anything is written.
func (s *session) preflight(ctx context.Context, doc *plan.Document) error {
	wanted := s.set.Permissions(doc)
	for _, more := range []map[string][]kube.Access{snapshotFleet(s.fleet, s.clusters, s.allowExec).Permissions(ctx, doc), check.Permissions(s.fleet, doc)} {
		for cluster, access := range more {
			wanted[cluster] = append(wanted[cluster], access...)
		}
	}
	system := s.fleet.System
	wanted[system.Cluster] = append(wanted[system.Cluster], journal.Permissions(system.Namespace)...)
	var text strings.Builder
	for _, cluster := range slices.Sorted(maps.Keys(wanted)) {
		k := s.clusters[cluster].Kube
		missing, err := k.Missing(ctx, wanted[cluster])
		if err != nil {
			return fmt.Errorf("look for missing permissions on cluster %s: %w", cluster, err)
		}
		if len(missing) == 0 {
			continue
		}
		user, err := k.Whoami(ctx)
		if err != nil {
			user = "this user"
		}
		fmt.Fprintf(&text, "On cluster %s, %s may not\n%s\nThis is what is needed there. Review it, and bind it to the user in the namespaces named, or in all:\n%s\n",
			cluster, user, missingLines(missing), roleOf(append(wanted[cluster], welcome...)))
	}
	if text.Len() == 0 {
		return nil
	}
	return advise(errors.New("permissions are missing, so nothing was started"), text.String())
}

// grant is what may be done with a resource.
type grant struct{ group, resource, verbs string }

// grants folds what differs only in the verb, then what differs only in the
// namespace.
func grants(list []kube.Access) map[grant][]string {
	verbs := map[kube.Access][]string{}
	for _, a := range list {
		key := a
		key.Verb = ""
		if !slices.Contains(verbs[key], a.Verb) {
			verbs[key] = append(verbs[key], a.Verb)
		}
	}
	folded := map[grant][]string{}
	for a, v := range verbs {
		g := grant{a.Group, a.Resource, strings.Join(slices.Sorted(slices.Values(v)), ", ")}
		folded[g] = append(folded[g], a.Namespace)
	}
	return folded
}

func compareGrants(a, b grant) int {
	return strings.Compare(a.group+" "+a.resource+" "+a.verbs, b.group+" "+b.resource+" "+b.verbs)
}

func missingLines(missing []kube.Access) string {
	folded := grants(missing)
	var b strings.Builder
	for _, g := range slices.SortedFunc(maps.Keys(folded), compareGrants) {
		resource := g.resource
		if g.group != "" {
			resource += "." + g.group
		}
		fmt.Fprintf(&b, "  %s %s %s\n", g.verbs, resource, places(folded[g]))
	}
	return b.String()
}

func places(namespaces []string) string {
	slices.Sort(namespaces)
	if namespaces[0] == "" {
		return "in the whole cluster"
	}
	text := "in " + strings.Join(namespaces[:min(mostNamespaces, len(namespaces))], ", ")
	if n := len(namespaces) - mostNamespaces; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// roleOf is a ClusterRole with all of the permissions, to be pasted.
func roleOf(wanted []kube.Access) string {
	type rule struct {
		Groups    []string `json:"apiGroups"`
		Resources []string `json:"resources"`
		Verbs     []string `json:"verbs"`
	}
	everywhere := make([]kube.Access, len(wanted))
	for i, a := range wanted {
		everywhere[i] = kube.Access{Verb: a.Verb, Group: a.Group, Resource: a.Resource}
	}
	folded := grants(everywhere)
	var rules []rule
	for _, g := range slices.SortedFunc(maps.Keys(folded), compareGrants) {
		verbs := strings.Split(g.verbs, ", ")
		if n := len(rules); n > 0 && rules[n-1].Groups[0] == g.group && slices.Equal(rules[n-1].Verbs, verbs) {
			rules[n-1].Resources = append(rules[n-1].Resources, g.resource)
			continue
		}
		rules = append(rules, rule{[]string{g.group}, []string{g.resource}, verbs})
	}
	role := map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": "soctalk"}, "rules": rules}
	data, err := yaml.Marshal(role)
	if err != nil {
		return "" // strings alone always encode
	}
	return "  " + strings.ReplaceAll(strings.TrimSpace(string(data)), "\n", "\n  ") + "\n"
}
