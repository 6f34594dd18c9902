package schema

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Removed says that a formerly managed tenant leaves the fleet. Its block is
// gone, so its releases are known by name alone.
type Removed struct {
	// From is an address (tenant.x, tenant.x["k"]) or a bare slug.
	From    string
	Destroy bool
	Slug    string
	// Cluster is empty where the tenant may be on any.
	Cluster         string
	Namespace, Name string
	// Companions are the names of further releases; nil: all of the namespace
	// that are called <label>-<slug>.
	Companions []string
	Source     Source
}

// Address is where the tenant was declared, as far as that is known.
func (r *Removed) Address() string {
	if strings.HasPrefix(r.From, "tenant.") {
		return r.From
	}
	return "tenant." + r.From
}

// Main says whether a live release is the tenant's own.
func (r *Removed) Main(cluster, namespace, release string) bool {
	return (r.Cluster == "" || r.Cluster == cluster) && r.Namespace == namespace && r.Name == release
}

// Companion says whether a live release is one of the tenant's companions, and
// under which label.
func (r *Removed) Companion(cluster, namespace, release string) (label string, is bool) {
	if r.Cluster != "" && r.Cluster != cluster || r.Namespace != namespace || r.Name == release {
		return "", false
	}
	label, named := strings.CutSuffix(release, "-"+r.Slug)
	if r.Companions == nil {
		return label, named && label != ""
	}
	if !named {
		label = release
	}
	return label, slices.Contains(r.Companions, release)
}

// removed resolves a removed block; nil when it does not say what is removed.
func (l *loader) removed(n *node) *Removed {
	x := &instance{l: l}
	r := &Removed{From: l.address(n, "from", true), Destroy: x.boolean(n, "destroy"), Source: n.source()}
	if r.From == "" {
		return nil
	}
	r.Slug = DefaultSlug(r.From)
	if x.written(n, "cluster") != nil {
		r.Cluster = x.cluster(n)
	}
	r.Namespace, r.Name = "tenant-"+r.Slug, "tenant-"+r.Slug
	if v := x.text(n, "namespace"); v != "" && x.checkName(n, "namespace", "namespace", v, maxLabel) {
		r.Namespace = v
	}
	if v := x.text(n, "release"); v != "" && x.checkName(n, "release", "release name", v, maxRelease) {
		r.Name = v
	}
	if x.written(n, "companions") != nil {
		r.Companions = append([]string{}, x.strings(n, "companions")...)
	}
	return r
}

// DefaultSlug is the slug that a tenant has by default: its key, or its name.
func DefaultSlug(from string) string {
	name, isAddress := strings.CutPrefix(from, "tenant.")
	if !isAddress {
		return from
	}
	t, diags := hclsyntax.ParseTraversalAbs([]byte(from), "", hcl.InitialPos)
	if diags.HasErrors() || len(t) < 3 {
		return name
	}
	if key, ok := t[2].(hcl.TraverseIndex); ok {
		return key.Key.AsString()
	}
	return name
}
