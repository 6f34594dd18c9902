package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"golang.org/x/sync/errgroup"
)

// reviews is how many questions about permissions are asked at a time.
const reviews = 10

// Access is something that a program does to a kind of object.
type Access struct {
	Verb, Group string
	// Resource is the plural name, with a subresource behind a slash.
	Resource string
	// Namespace is empty where the kind belongs to none.
	Namespace string
}

func (a Access) String() string {
	where := "in the whole cluster"
	if a.Namespace != "" {
		where = "in namespace " + a.Namespace
	}
	return fmt.Sprintf("%s %s %s", a.Verb, schema.GroupResource{Group: a.Group, Resource: a.Resource}, where)
}

// Doing is some verbs on a kind of object; an empty namespace stands for none.
func Doing(namespace, group, resource string, verbs ...string) []Access {
	var all []Access
	for _, verb := range verbs {
		all = append(all, Access{Verb: verb, Group: group, Resource: resource, Namespace: namespace})
	}
	return all
}

// anywhere is the same in all namespaces.
func (a Access) anywhere() Access {
	a.Namespace = ""
	return a
}

// Missing asks the API server which of these are not allowed. It asks for the
// whole cluster first, once a verb and kind, so that who may do all of it
// everywhere costs one request, and only for what is left once a namespace.
func (c *Cluster) Missing(ctx context.Context, wanted []Access) ([]Access, error) {
	all, err := c.may(ctx, Access{Verb: "*", Group: "*", Resource: "*"})
	if err != nil || all {
		return nil, err
	}
	var kinds []Access
	for _, a := range wanted {
		kinds = append(kinds, a.anywhere())
	}
	denied, err := c.denied(ctx, unique(kinds))
	if err != nil {
		return nil, err
	}
	var missing []Access
	byNamespace := map[string][]Access{}
	for _, a := range unique(wanted) {
		switch {
		case !denied[a.anywhere()]:
		case a.Namespace == "":
			missing = append(missing, a)
		default:
			byNamespace[a.Namespace] = append(byNamespace[a.Namespace], a)
		}
	}
	local, err := c.missingIn(ctx, byNamespace)
	if err != nil {
		return nil, err
	}
	missing = append(missing, local...)
	slices.SortFunc(missing, compareAccess)
	return missing, nil
}

func unique(list []Access) []Access {
	sorted := slices.SortedFunc(slices.Values(list), compareAccess)
	return slices.Compact(sorted)
}

func compareAccess(a, b Access) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Verb, b.Verb))
}

// may asks one question.
func (c *Cluster) may(ctx context.Context, a Access) (bool, error) {
	resource, sub, _ := strings.Cut(a.Resource, "/")
	review, err := c.typed.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: a.Verb, Group: a.Group, Resource: resource, Subresource: sub, Namespace: a.Namespace,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask whether to %s is allowed: %w", a, c.Explain(err))
	}
	return review.Status.Allowed, nil
}

func (c *Cluster) denied(ctx context.Context, asked []Access) (map[Access]bool, error) {
	answers := make([]bool, len(asked))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reviews)
	for i, a := range asked {
		group.Go(func() (err error) {
			answers[i], err = c.may(ctx, a)
			return err
		})
	}
	err := group.Wait()
	denied := map[Access]bool{}
	for i, a := range asked {
		denied[a] = !answers[i]
	}
	return denied, err
}

// missingIn asks for the rules of each namespace.
func (c *Cluster) missingIn(ctx context.Context, wanted map[string][]Access) ([]Access, error) {
	found := make(chan []Access, len(wanted))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reviews)
	for namespace, list := range wanted {
		group.Go(func() error {
			missing, err := c.missingHere(ctx, namespace, list)
			found <- missing
			return err
		})
	}
	err := group.Wait()
	close(found)
	var missing []Access
	for list := range found {
		missing = append(missing, list...)
	}
	return missing, err
}

func (c *Cluster) missingHere(ctx context.Context, namespace string, wanted []Access) ([]Access, error) {
	review, err := c.typed.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask what is allowed in namespace %s: %w", namespace, c.Explain(err))
	}
	var missing []Access
	for _, a := range wanted {
		allowed := slices.ContainsFunc(review.Status.ResourceRules, func(r authorizationv1.ResourceRule) bool { return grants(r, a) })
		if !allowed && review.Status.Incomplete { // not every authorizer can list its rules
			if allowed, err = c.may(ctx, a); err != nil {
				return nil, err
			}
		}
		if !allowed {
			missing = append(missing, a)
		}
	}
	return missing, nil
}

// grants says whether a rule allows something for objects of any name.
func grants(r authorizationv1.ResourceRule, a Access) bool {
	has := func(list []string, words ...string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(words, s) })
	}
	resources := []string{"*", a.Resource}
	if _, sub, found := strings.Cut(a.Resource, "/"); found {
		resources = append(resources, "*/"+sub)
	}
	return len(r.ResourceNames) == 0 && has(r.Verbs, "*", a.Verb) && has(r.APIGroups, "*", a.Group) && has(r.Resources, resources...)
}
