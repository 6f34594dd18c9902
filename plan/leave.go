package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/schema"
)

// leaveTimeout is how long the objects of a release may take to go: its block,
// which could say otherwise, is gone.
const leaveTimeout = 15 * time.Minute

// Leaves says whether a live release that no block of the fleet names is one
// that a removed block takes away.
func Leaves(f *schema.Fleet, key ReleaseKey) bool { return LeavingAddress(f, key) != "" }

// LeavingAddress is the former address of a release that a removed block takes
// away; empty when none does.
func LeavingAddress(f *schema.Fleet, key ReleaseKey) string {
	for _, r := range f.Removed {
		if !r.Destroy {
			continue
		}
		if address := formerAddress(r, key); address != "" {
			return address
		}
	}
	return ""
}

func formerAddress(r *schema.Removed, key ReleaseKey) string {
	if r.Main(key.Cluster, key.Namespace, key.Name) {
		return r.Address()
	}
	if label, is := r.Companion(key.Cluster, key.Namespace, key.Name); is {
		return r.Address() + ".companion." + label
	}
	return ""
}

// leave finds what the removed blocks take away: a tenant's own release first,
// which uses the others, then its companions.
func (d *Draft) leave(selected Selection) {
	spoken := map[ReleaseKey]bool{} // of these, another block says what they are
	for _, r := range d.fleet.Releases() {
		spoken[KeyOf(r)] = true
	}
	for _, r := range d.fleet.Removed {
		if !r.Destroy || !selected(r.Address(), "", nil) {
			continue
		}
		var found []*Move
		for key, live := range d.observation.Releases {
			if address := formerAddress(r, key); address != "" && !spoken[key] && live.Deployed() {
				spoken[key] = true
				found = append(found, leavingMove(r, key, address, live))
			}
		}
		slices.SortFunc(found, func(a, b *Move) int {
			return strings.Compare(a.Release.Address+"\x00"+a.Release.Cluster, b.Release.Address+"\x00"+b.Release.Cluster)
		})
		for key, why := range d.observation.Problems {
			if formerAddress(r, key) != "" && !spoken[key] {
				d.complete = false
				d.refuseLeave(r, "Release cannot be read", fmt.Sprintf("release %s: %s. Nothing is planned for it.", key, why))
			}
		}
		if len(found) == 0 {
			d.checkMeant(r)
		}
		if !d.oneCluster(r, found) {
			continue
		}
		for _, m := range found {
			d.decideLeave(r, m)
		}
	}
}

// leavingMove makes a move of a release whose block is gone.
func leavingMove(r *schema.Removed, key ReleaseKey, address string, live *Live) *Move {
	source := schema.Source{Block: r.Source.Block, Attrs: map[string]hcl.Range{}}
	release := schema.Release{Address: address, Chart: schema.Chart{Ref: live.Chart}, Cluster: key.Cluster, Namespace: key.Namespace, Name: key.Name, Timeout: leaveTimeout, Source: source}
	tenant := &schema.Tenant{Slug: r.Slug}
	tenant.Address = r.Address()
	return &Move{Release: &release, Tenant: tenant, Slug: r.Slug, Live: live, From: live.Version, Action: Uninstall}
}

// oneCluster refuses to guess which of several releases of the same name is
// meant.
func (d *Draft) oneCluster(r *schema.Removed, found []*Move) bool {
	clusters := map[string]bool{}
	var names []string
	for _, m := range found {
		if c := m.Release.Cluster; !clusters[c] {
			clusters[c] = true
			names = append(names, c)
		}
	}
	if len(names) < 2 {
		return true
	}
	d.refuseLeave(r, "Removed tenant is on several clusters", fmt.Sprintf(
		"%s: releases of that name are on the clusters %s. Say which is meant: cluster = cluster.NAME.", r.Address(), strings.Join(names, ", ")))
	return false
}

func (d *Draft) decideLeave(r *schema.Removed, m *Move) {
	if strings.HasPrefix(m.Live.Status, "pending-") {
		d.refuseLeave(r, "Release is in the middle of another operation", underWay(m.Release, m.Live))
		return
	}
	if owner := d.observation.Owners[KeyOf(m.Release)]; owner != "" {
		d.refuseLeave(r, "Release belongs to another tool", fmt.Sprintf(
			"%s is managed by %s, which would install it again. Take the release out of that tool first.", describe(m.Release), owner))
		return
	}
	d.Leaving = append(d.Leaving, m)
}

func (d *Draft) refuseLeave(r *schema.Removed, summary, detail string) {
	d.diagnostics = append(d.diagnostics, Diagnostic{Severity: Error, Address: r.Address(), Range: rangeOf(r.Source.Block), Summary: summary, Detail: detail})
}

// leaving adds the uninstalls: before anything else, so that no tenant that
// leaves has a say in which versions may live side by side.
func (b *stepBuilder) leaving(moves []*Move) {
	var ends []string
	var tenant string
	for _, m := range moves {
		if m.Tenant.Address != tenant {
			b.last, tenant = nil, m.Tenant.Address
		} else {
			ends = ends[:len(ends)-1]
		}
		b.add(b.step(m, &Hop{From: m.From}, StepUninstall, leaveTimeout), b.last)
		ends = append(ends, b.last...)
	}
	b.last = ends
}
