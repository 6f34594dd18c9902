package adopt

import (
	"fmt"
	"slices"
	"strings"
)

// group is tenants that one block can stand for.
type group []*tenant

// groups sorts tenants by what a block has to say of them: those of a group
// differ only in data.
func (w *writer) groups() []group {
	var all []group
	at := map[string]int{}
	for _, t := range w.tenants {
		key := w.shape(t)
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], t)
	}
	slices.SortStableFunc(all, func(a, b group) int { return len(b) - len(a) })
	return all
}

// shape is all of a tenant that cannot stand in a YAML file.
func (w *writer) shape(t *tenant) string {
	parts := []string{t.main.Cluster, literal(t.main.special)}
	if !t.usual() {
		parts = append(parts, t.slug) // its names are its own
	}
	for _, c := range t.companions {
		parts = append(parts, c.label, c.Chart, literal(c.special))
		if !t.usualName(c) {
			parts = append(parts, c.Name)
		}
	}
	return strings.Join(parts, "\x00")
}

// usual says whether a tenant's names are made of its slug as they are by
// default.
func (t *tenant) usual() bool {
	return t.main.Name == "tenant-"+t.slug && t.main.Namespace == "tenant-"+t.slug
}

func (t *tenant) usualName(c *member) bool { return c.Name == c.label+"-"+t.slug }

func (w *writer) tenantBlocks(b *strings.Builder) {
	names := map[string]bool{}
	for _, t := range w.tenants {
		names[identifier(t.slug)] = true
	}
	files := 0
	for _, g := range w.groups() {
		if len(g) == 1 {
			w.single(b, g[0])
			continue
		}
		files++
		label, file := "fleet", "tenants.yaml"
		if files > 1 {
			label, file = fmt.Sprintf("fleet%d", files), fmt.Sprintf("tenants-%d.yaml", files)
		}
		for names[label] {
			label += "_"
		}
		w.many(b, g, label, file)
	}
}

// single writes a tenant's own block.
func (w *writer) single(b *strings.Builder, t *tenant) {
	label := unused(identifier(t.slug), func(s string) bool { return w.result.Addresses["tenant."+s] != nil })
	address := "tenant." + label
	w.result.Addresses[address] = t.main.Release
	fmt.Fprintf(b, "tenant %s {\n", quote(label))
	if label != t.slug {
		fmt.Fprintf(b, "slug = %s\n", quote(t.slug))
	}
	w.cluster(b, t.main.Release)
	if t.main.Namespace != "tenant-"+t.slug {
		fmt.Fprintf(b, "namespace = %s\n", quote(t.main.Namespace))
	}
	if t.main.Name != "tenant-"+t.slug {
		fmt.Fprintf(b, "release = %s\n", quote(t.main.Name))
	}
	if t.main.Version != w.tenantVersion {
		fmt.Fprintf(b, "version = %s\n", quote(t.main.Version))
	}
	values(b, w.layers(t.main, inline(t.main.plain)))
	for _, c := range t.companions {
		w.result.Addresses[address+".companion."+c.label] = c.Release
		w.companion(b, t, c, quote(c.Version), inline(c.plain))
	}
	b.WriteString("}\n\n")
}

// inline are values as an object; empty for none.
func inline(plain map[string]any) string {
	if len(plain) == 0 {
		return ""
	}
	return literal(plain)
}

func (w *writer) companion(b *strings.Builder, t *tenant, c *member, version, ownValues string) {
	fmt.Fprintf(b, "\ncompanion %s {\n", quote(c.label))
	if !t.usualName(c) {
		fmt.Fprintf(b, "release = %s\n", quote(c.Name))
	}
	w.chart(b, c.Chart)
	fmt.Fprintf(b, "version = %s\n", version)
	values(b, w.layers(c, ownValues))
	b.WriteString("}\n")
}

// entry is a tenant in a YAML file.
type entry struct {
	Version    string                    `yaml:"version,omitempty"`
	Values     map[string]any            `yaml:"values"`
	Companions map[string]companionEntry `yaml:"companions,omitempty"`
}

type companionEntry struct {
	Version string         `yaml:"version"`
	Values  map[string]any `yaml:"values"`
}

// many writes one block for tenants that differ only in data.
func (w *writer) many(b *strings.Builder, g group, label, file string) {
	entries := map[string]entry{}
	sameVersion := true
	for _, t := range g {
		e := entry{Values: t.main.plain}
		if t.main.Version != w.tenantVersion {
			e.Version, sameVersion = t.main.Version, false
		}
		address := fmt.Sprintf("tenant.%s[%q]", label, t.slug)
		w.result.Addresses[address] = t.main.Release
		for _, c := range t.companions {
			if e.Companions == nil {
				e.Companions = map[string]companionEntry{}
			}
			e.Companions[c.label] = companionEntry{c.Version, c.plain}
			w.result.Addresses[address+".companion."+c.label] = c.Release
		}
		entries[t.slug] = e
	}
	w.yaml(file, entries)
	first := g[0]
	fmt.Fprintf(b, "tenant %s {\nfor_each = yamldecode(file(%q))\n", quote(label), file)
	w.cluster(b, first.main.Release)
	if !sameVersion {
		b.WriteString("version = try(each.value.version, var.tenant_version)\n")
	}
	values(b, w.layers(first.main, "each.value.values"))
	for _, c := range first.companions {
		at := fmt.Sprintf("each.value.companions[%s]", quote(c.label))
		w.companion(b, first, c, at+".version", at+".values")
	}
	b.WriteString("}\n\n")
}
