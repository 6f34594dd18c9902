package adopt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/prose"
)

// census is who is who among the releases.
type census struct {
	systems []*Release
	tenants []*tenant
	remarks []string
}

// tenant is one, with its further releases.
type tenant struct {
	slug       string
	main       *member
	companions []*member
}

// member is a release of the fleet, with its values as they are written.
type member struct {
	*Release
	// label is a companion's.
	label string
	// plain are its values without what is written as an expression, and special
	// the rest.
	plain, special map[string]any
}

// classify sorts releases by their charts: names alone may be anybody's.
func classify(found []*Release) *census {
	c := &census{}
	slices.SortFunc(found, func(a, b *Release) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	type place struct{ cluster, namespace string }
	spaces := map[place][]*Release{}
	mains := map[place][]*Release{}
	for _, r := range found {
		at := place{r.Cluster, r.Namespace}
		switch {
		case r.Gone():
			c.remark("%s is %s, so it is left out.", r.where(), told(r.Status))
			continue
		case r.Chart == SystemChart:
			c.systems = append(c.systems, r)
		case r.Chart == TenantChart:
			mains[at] = append(mains[at], r)
		default:
			spaces[at] = append(spaces[at], r)
		}
		c.state(r)
	}
	taken := map[string]*Release{}
	for _, r := range found {
		at := place{r.Cluster, r.Namespace}
		if r.Chart != TenantChart || !slices.Contains(mains[at], r) {
			continue
		}
		if !c.only(mains[at], r) {
			continue
		}
		slug := slugOf(r)
		if first := taken[slug]; first != nil {
			c.remark("%s would have the slug %q, which %s has already: it is left out. Slugs are unique in a fleet; write its block by hand.", r.where(), slug, first.where())
			continue
		}
		taken[slug] = r
		t := &tenant{slug: slug, main: &member{Release: r}}
		for _, other := range spaces[at] {
			if other.Chart != wazuhChart {
				c.remark("%s, of chart %s, is in the namespace of tenant %s and none of SocTalk's: it is left out and left alone. To have it managed too, write a companion block.", other.where(), told(other.Chart), told(slug))
				continue
			}
			t.companions = append(t.companions, &member{Release: other, label: t.label(other)})
		}
		c.tenants = append(c.tenants, t)
	}
	slices.SortFunc(c.tenants, func(a, b *tenant) int { return cmp.Compare(a.slug, b.slug) })
	return c
}

// label is what a further release of a tenant is called in its block: as by its
// name, or by its chart. A namespace may hold two of a chart, and the files with
// the values of the system and of the tenants have their names already.
func (t *tenant) label(r *Release) string {
	label, named := strings.CutSuffix(r.Name, "-"+t.slug)
	if !named {
		label = r.Chart
	}
	return unused(identifier(label), func(s string) bool {
		return s == "system" || s == "tenant" || slices.ContainsFunc(t.companions, func(m *member) bool { return m.label == s })
	})
}

func (c *census) remark(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.remarks = append(c.remarks, prose.Capital(text))
}

// state says what a plan will say of a release that is in no good state.
func (c *census) state(r *Release) {
	switch {
	case strings.HasPrefix(r.Status, "pending-"):
		c.remark("%s is %s: somebody is at work on it, or died. Plans refuse it until that is over.", r.where(), told(r.Status))
	case r.Status != "deployed":
		c.remark("%s is %s: the first plan will want to upgrade it.", r.where(), told(r.Status))
	}
}

// only says whether a tenant release is the one of its namespace. Of several,
// that is the one which is named as the namespace is.
func (c *census) only(all []*Release, r *Release) bool {
	if len(all) == 1 || r.Name == r.Namespace {
		return true
	}
	c.remark("%s is one of %d tenant releases in that namespace, and a namespace has one tenant: it is left out. Uninstall the one that is not in use, or move it.", r.where(), len(all))
	return false
}

// slugOf takes the slug out of the names that SocTalk gives.
func slugOf(r *Release) string {
	if slug, ok := strings.CutPrefix(r.Name, "tenant-"); ok && slug != "" {
		return slug
	}
	if slug, ok := strings.CutPrefix(r.Namespace, "tenant-"); ok && slug != "" {
		return slug
	}
	return r.Name
}

// identifier makes a name that HCL takes.
func identifier(s string) string {
	out := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, s)
	if out == "" || out[0] >= '0' && out[0] <= '9' || out[0] == '-' {
		out = "_" + out
	}
	return out
}

// variable makes a variable's name of words.
func variable(words ...string) string {
	var b strings.Builder
	for _, r := range strings.Join(words, "_") {
		switch {
		case r >= 'A' && r <= 'Z':
			b.WriteString("_" + strings.ToLower(string(r)))
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			b.WriteString("_")
		}
	}
	parts := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' })
	return identifier(strings.Join(parts, "_"))
}
