package schema

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// eachValue is one element of for_each.
type eachValue struct {
	key    string
	object cty.Value // {key, value}
}

func (l *loader) tenants() {
	defaults := l.top.one("tenant_defaults")
	for _, n := range l.top.blocks["tenant"] {
		merged := n.over(defaults)
		address := "tenant." + n.name()
		l.complete(merged, address)
		if n.attrs["for_each"] == nil {
			x := &instance{l: l, address: address}
			if t := x.tenant(merged, n.name(), nil); t != nil {
				l.fleet.Tenants = append(l.fleet.Tenants, t)
			}
			continue
		}
		elements, known := l.forEach(n)
		if !known {
			l.missing[address] = true
		}
		if len(elements) == 0 {
			// The block is tried once with unknown elements, so that its
			// mistakes show before the first tenant is added.
			x := &instance{l: l, address: address, trial: true}
			x.tenant(merged, "", &eachValue{object: cty.ObjectVal(map[string]cty.Value{"key": cty.UnknownVal(cty.String), "value": cty.DynamicVal})})
		}
		for _, e := range elements {
			x := &instance{l: l, address: fmt.Sprintf("%s[%s]", address, quoteKey(e.key))}
			if t := x.tenant(merged, e.key, e); t != nil {
				l.fleet.Tenants = append(l.fleet.Tenants, t)
			}
		}
	}
	sort.SliceStable(l.fleet.Tenants, func(i, j int) bool { return l.fleet.Tenants[i].Address < l.fleet.Tenants[j].Address })
	l.uniqueTenants()
}

// quoteKey writes a for_each key as HCL would.
func quoteKey(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{")
	return `"` + r.Replace(s) + `"`
}

// forEach returns the elements of a block's for_each, sorted by key, and
// whether these are known to be all.
func (l *loader) forEach(n *node) (elements []*eachValue, known bool) {
	a := n.attrs["for_each"]
	x := &instance{l: l, address: "tenant." + n.name()}
	v, ok := x.raw(a)
	if !ok {
		return nil, false
	}
	invalid := func(why string) ([]*eachValue, bool) {
		x.fail(a, "Invalid for_each argument", why)
		return nil, false
	}
	if v.IsMarked() {
		return invalid("The for_each value is sensitive. Its keys become addresses, which are shown; use nonsensitive(…) on the keys if they are no secret.")
	}
	ty := v.Type()
	switch {
	case v.IsNull():
		return invalid("The for_each value is null. It must be a map or a set of strings; write {} for none.")
	case ty.IsObjectType(), ty.IsMapType():
	case ty.IsSetType():
		if ty.ElementType() != cty.String && v.LengthInt() > 0 {
			return invalid(fmt.Sprintf("The for_each value is a set of %s; only sets of strings can be used.", ty.ElementType().FriendlyName()))
		}
	case ty.IsTupleType(), ty.IsListType():
		return invalid("The for_each value is a list, and a list has no keys that stay the same when it changes. Use toset(…) for a list of strings, or a map: { for t in LIST : t.slug => t }.")
	default:
		return invalid(fmt.Sprintf("The for_each value must be a map or a set of strings; this is %s.", article(ty.FriendlyName())))
	}
	// Shown by name, a few wrong keys say as much as all of them.
	var out []*eachValue
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if ty.IsSetType() {
			k = e
		}
		if k.ContainsMarked() {
			return invalid("The for_each value has sensitive keys. Keys become addresses, which are shown; use nonsensitive(…) if they are no secret.")
		}
		if !k.IsKnown() {
			return nil, false
		}
		if k.IsNull() {
			return invalid("The for_each set holds null.")
		}
		if k.AsString() == "" {
			return invalid("One of the for_each keys is empty. Keys become addresses and, by default, slugs.")
		}
		out = append(out, &eachValue{key: k.AsString(), object: cty.ObjectVal(map[string]cty.Value{"key": k, "value": e})})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].key < out[j].key })
	return out, true
}

// tenant resolves one tenant. In a trial it returns nil.
func (x *instance) tenant(n *node, name string, each *eachValue) *Tenant {
	l := x.l
	x.usesSelf = n.refersToSelf()
	t := &Tenant{Release: Release{Address: x.address, Source: n.source()}}
	// What is made from a wrong slug is wrong too, and need not be said.
	fine := true
	self := unknowns(selfNames)
	for _, attr := range l.identityOrder(n, selfNames) {
		if a := n.attrs[attr]; a != nil && !a.shared() {
			x.bind(each, self)
		}
		switch attr {
		case "slug":
			t.Slug = x.identity(n, "slug", name)
			fine = x.trial || x.checkName(n, "slug", "slug", t.Slug, maxLabel)
			self[attr] = called(t.Slug)
		case "cluster":
			t.Cluster = x.cluster(n)
			self[attr] = called(t.Cluster)
		case "namespace":
			t.Namespace = x.identity(n, "namespace", t.derived())
			if !x.trial && (fine || x.written(n, "namespace") != nil) {
				x.checkName(n, "namespace", "namespace", t.Namespace, maxLabel)
			}
			self[attr] = called(t.Namespace)
		case "version":
			t.Version = x.version(n, "version")
			self[attr] = versionValue(t.Version)
		case "release":
			t.Name = x.identity(n, "release", t.derived())
			if !x.trial && (fine || x.written(n, "release") != nil) && x.checkName(n, "release", "release name", t.Name, maxRelease) && len(t.Name) > maxTenantRelease {
				x.nameTooLong(n, t.Name)
			}
			self[attr] = called(t.Name)
		case "labels":
			self[attr] = cty.DynamicVal
			if t.Labels = x.stringMap(n, "labels"); t.Labels != nil || x.written(n, "labels") == nil {
				self[attr] = stringMapValue(t.Labels)
			}
		}
	}
	if x.trial {
		for k := range self {
			if !n.attrs[k].shared() {
				self[k] = cty.DynamicVal
			}
		}
	}
	x.bind(each, self)
	t.Window = x.ref(n, "window")
	x.common(n, &t.Release)
	x.preconditions(n)
	for _, b := range n.blocks["companion"] {
		if c := x.companion(b, n, t, each, self); c != nil {
			t.Companions = append(t.Companions, c)
		}
	}
	if x.trial {
		return nil
	}
	if t.Version == nil || t.Slug == "" {
		x.l.missing["tenant."+n.name()] = true
		return nil
	}
	t.Unsure = x.unsure
	sort.SliceStable(t.Companions, func(i, j int) bool { return t.Companions[i].Label < t.Companions[j].Label })
	return t
}

// unknowns are the attributes of self before any of them is worked out; those in
// a circle stay unknown.
func unknowns(names []string) map[string]cty.Value {
	self := make(map[string]cty.Value, len(names))
	for _, name := range names {
		self[name] = cty.DynamicVal
	}
	return self
}

// derived is the default of a tenant's namespace and release.
func (t *Tenant) derived() string {
	if t.Slug == "" {
		return ""
	}
	return "tenant-" + t.Slug
}

func (x *instance) nameTooLong(n *node, name string) {
	at := n.label
	if a := x.written(n, "release"); a != nil {
		at = a.raw.Range()
	}
	x.l.sink.error(x.address, at, "Release name too long", fmt.Sprintf("The release name %q has %d characters. Names that the chart derives from it, such as %q, may have %d, so %d is the limit. Write a shorter one with release = \"…\", or shorten the slug.", name, len(name), name+"-wazuh-dashboard", maxLabel, maxTenantRelease))
}

func stringMapValue(m map[string]string) cty.Value {
	if len(m) == 0 {
		return cty.EmptyObjectVal
	}
	vals := make(map[string]cty.Value, len(m))
	for k, v := range m {
		vals[k] = cty.StringVal(v)
	}
	return cty.ObjectVal(vals)
}

// companion resolves a further release of the tenant t, whose block is parent.
func (x *instance) companion(n, parent *node, t *Tenant, each *eachValue, tenantSelf map[string]cty.Value) *Companion {
	c := &Companion{Label: n.name(), Release: Release{Cluster: t.Cluster, Namespace: t.Namespace, Source: n.source()}}
	y := &instance{l: x.l, address: x.address + ".companion." + n.name(), trial: x.trial, usesSelf: x.usesSelf}
	self := make(map[string]cty.Value, len(tenantSelf))
	for k, v := range tenantSelf {
		self[k] = v
	}
	own := []string{"version", "release"}
	for _, name := range own {
		self[name] = cty.DynamicVal
	}
	for _, attr := range x.l.identityOrder(n, own) {
		if a := n.attrs[attr]; a != nil && !a.shared() {
			y.bind(each, self)
		}
		switch attr {
		case "version":
			c.Version = y.version(n, "version")
			self[attr] = versionValue(c.Version)
		case "release":
			def := ""
			if t.Slug != "" {
				def = n.name() + "-" + t.Slug
			}
			c.Name = y.identity(n, "release", def)
			if !x.trial && t.Slug != "" {
				y.checkName(n, "release", "release name", c.Name, maxRelease)
			}
			self[attr] = called(c.Name)
		}
	}
	y.bind(each, self)
	c.After = y.text(n, "order") == "after"
	_, _, sure := y.value(n, "enabled", cty.Bool)
	enabled := y.boolean(n, "enabled") && (sure || y.written(n, "enabled") == nil)
	y.common(n, &c.Release)
	c.Unsure = y.unsure || x.unsure
	if y.written(n, "timeout") == nil {
		c.Timeout = t.Timeout
	}
	if !enabled || c.Version == nil || x.trial {
		return nil
	}
	return c
}

// uniqueTenants reports slugs, namespaces and releases that are taken twice.
func (l *loader) uniqueTenants() {
	slugs := map[string]*Tenant{}
	spaces := map[string]string{}
	releases := map[string]string{}
	claim := func(taken map[string]string, key, address string, at hcl.Range, what, name string) {
		if name == "" {
			return
		}
		if first, dup := taken[key]; dup {
			l.sink.error(address, at, "Duplicate "+what, fmt.Sprintf("The %s %q is used by %s and by %s. It must be unique within a cluster.", what, name, first, address))
			return
		}
		taken[key] = address
	}
	if s := l.fleet.System; s != nil {
		spaces[s.Cluster+"/"+s.Namespace] = "system"
		releases[s.Cluster+"/"+s.Namespace+"/"+s.Name] = "system"
	}
	for _, t := range l.fleet.Tenants {
		if first, dup := slugs[t.Slug]; dup {
			l.sink.error(t.Address, t.Source.At("slug"), "Duplicate slug", fmt.Sprintf("The slug %q is used by %s and by %s. Slugs are unique in the fleet.", t.Slug, first.Address, t.Address))
			continue
		}
		slugs[t.Slug] = t
		if t.Cluster == "" || t.Namespace == "" {
			continue
		}
		claim(spaces, t.Cluster+"/"+t.Namespace, t.Address, t.Source.At("namespace"), "namespace", t.Namespace)
		claim(releases, t.Cluster+"/"+t.Namespace+"/"+t.Name, t.Address, t.Source.At("release"), "release", t.Name)
		for _, c := range t.Companions {
			claim(releases, t.Cluster+"/"+t.Namespace+"/"+c.Name, c.Address, c.Source.At("release"), "release", c.Name)
		}
	}
}
