package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/schema"
)

// world is a fleet in the making, with what is live and what would be rendered.
type world struct {
	fleet    *schema.Fleet
	live     *Observation
	catalog  *Catalog
	wanted   map[string]*Wanted   // by address, at the target
	before   map[string][]Object  // by address
	rendered map[string]*Rendered // by address, at the target
	passing  map[string]*Rendered // by address, before the target, where it matters
	skip     string               // the address of a tenant that is not selected
	left     bool                 // the live migration Job is not what it should be
	claims   map[Namespace][]string
}

func newWorld(systemLive, systemWanted string) *world {
	w := &world{
		fleet: &schema.Fleet{
			Compatibility: &schema.Compatibility{Unlisted: schema.UnlistedAllow, Source: schema.Source{Block: line("compatibility", 1)}},
			Rollout: &schema.Rollout{MaxParallel: 2, OnFailure: schema.TenantRollback, Settle: time.Second,
				Waves: []*schema.Wave{{Name: "rest", MaxParallel: 2}}},
			Inputs: map[string][]byte{"fleet.hcl": []byte("x")},
		},
		live:     &Observation{Releases: map[ReleaseKey]*Live{}},
		catalog:  NewCatalog(),
		wanted:   map[string]*Wanted{},
		before:   map[string][]Object{},
		rendered: map[string]*Rendered{},
	}
	w.fleet.System = &schema.System{OnFailure: schema.SystemStop, Migration: schema.Migration{Mode: schema.MigrateAuto, Template: "templates/jobs/alembic-upgrade.yaml", Timeout: time.Minute}}
	w.fleet.System.Release = release("system", "soctalk-system", systemWanted)
	w.add(&w.fleet.System.Release, "soctalk-system", systemLive)
	return w
}

func line(what string, n int) hcl.Range {
	return hcl.Range{Filename: "fleet.hcl", Start: hcl.Pos{Line: n, Column: 1, Byte: n * 100}, End: hcl.Pos{Line: n, Column: 1 + len(what), Byte: n*100 + len(what)}}
}

func release(address, name, version string) schema.Release {
	return schema.Release{
		Address: address, Name: name, Namespace: name, Cluster: schema.DefaultCluster, Timeout: time.Minute,
		Chart: schema.Chart{Ref: "oci://registry.test/" + name}, Version: semver.MustParse(version),
		Source: schema.Source{Block: line(address, 10), Attrs: map[string]hcl.Range{"version": line("version", 11)}},
	}
}

func (w *world) tenant(slug, live, wanted string) *schema.Tenant {
	t := &schema.Tenant{Release: release("tenant."+slug, "tenant-"+slug, wanted), Slug: slug}
	w.fleet.Tenants = append(w.fleet.Tenants, t)
	slices.SortFunc(w.fleet.Tenants, func(a, b *schema.Tenant) int { return strings.Compare(a.Address, b.Address) })
	w.fleet.Rollout.Waves[0].Tenants = append(w.fleet.Rollout.Waves[0].Tenants, t.Address)
	w.add(&t.Release, "soctalk-tenant", live)
	return t
}

// add makes a release live at a version, or not at all when that is empty.
func (w *world) add(r *schema.Release, chart, live string) {
	if live != "" {
		w.live.Releases[KeyOf(r)] = &Live{
			Revision: 3, Status: "deployed", Version: semver.MustParse(live), Chart: chart,
			ChartDigest: "digest-" + live, Digest: "body-" + r.Name,
		}
		w.before[r.Address] = objects(r, live)
	}
	version := r.Version.String()
	w.wanted[r.Address] = &Wanted{Chart: &Chart{Name: chart, Version: version, Digest: "digest-" + version, Templates: map[string]bool{}}}
	w.catalog.Wanted[target(r)] = w.wanted[r.Address]
	w.rendered[r.Address] = &Rendered{Objects: objects(r, version), Again: objects(r, version)}
}

// fetch answers what a draft lacks: there is a chart of every version.
func (w *world) fetch(lacks []At) {
	for _, at := range lacks {
		name := "soctalk-tenant"
		if at.Address == "system" {
			name = "soctalk-system"
		}
		w.catalog.Wanted[at] = &Wanted{Chart: &Chart{Name: name, Version: at.Version, Digest: "digest-" + at.Version, Templates: map[string]bool{}}}
	}
}

// draft routes until nothing is lacking.
func (w *world) draft() *Draft {
	for {
		d := Route(w.fleet, w.live, w.catalog, func(address, _ string, _ map[string]string) bool { return address != w.skip })
		if len(d.Lacks) == 0 {
			return d
		}
		w.fetch(d.Lacks)
	}
}

// render gives a move's target what the world holds for it, and what it passes
// through, its usual objects.
func (w *world) render(m *Move) []*Rendered {
	var all []*Rendered
	for _, h := range m.Hops[:len(m.Hops)-1] {
		o := objects(m.Release, h.To.String())
		r := &Rendered{Objects: o, Again: o}
		if special := w.passing[m.Release.Address]; special != nil {
			r = special
		}
		all = append(all, r)
	}
	if last := m.Hops[len(m.Hops)-1]; last.Held != nil && w.passing[m.Release.Address] != nil {
		return append(all, w.passing[m.Release.Address])
	}
	return append(all, w.rendered[m.Release.Address])
}

func objects(r *schema.Release, version string) []Object {
	return []Object{deployment(r.Name, r.Namespace, "soctalk/api:"+version)}
}

func deployment(name, namespace, image string) Object {
	return Object{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "api", "image": image}},
		}}},
	}
}

func secret(name, namespace string, data map[string]any) Object {
	return Object{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": namespace}, "data": data}
}

var testKey = Key(strings.Repeat("k", 32))

func (w *world) plan() *Document {
	draft := w.draft()
	draft.MigrationStands, draft.Claims = !w.left, w.claims
	outcomes := map[string]*Outcome{}
	for _, m := range draft.Moves {
		if len(m.Hops) > 0 {
			outcomes[m.Release.Address] = draft.Compare(m, w.before[m.Release.Address], w.render(m))
		}
	}
	for _, m := range draft.Leaving {
		outcomes[m.Release.Address] = draft.CompareLeaving(m, w.before[m.Release.Address])
	}
	doc, err := draft.Build(outcomes, nil, Stamp{ID: "p", ToolVersion: "test", Created: time.Unix(0, 0), Key: testKey})
	if err != nil {
		panic(err)
	}
	return doc
}

func (d *Document) errorSummaries() []string {
	var s []string
	for _, x := range d.Diagnostics {
		if x.Severity == Error {
			s = append(s, x.Summary)
		}
	}
	return s
}

func stepIDs(d *Document) []string {
	var ids []string
	for _, s := range d.Steps {
		ids = append(ids, fmt.Sprintf("%s ← %s", s.ID, strings.Join(s.Needs, ",")))
	}
	return ids
}
