package plan

import (
	"fmt"
	"slices"

	"github.com/soctalk/fleet/schema"
)

// checkMoved refuses a move that takes the tenant along in name only: its new
// address asks for another release, and the one that it has would stay behind.
func (d *Draft) checkMoved() {
	tenants := map[string]*schema.Tenant{}
	for _, t := range d.fleet.Tenants {
		tenants[t.Address] = t
	}
	for _, moved := range d.fleet.Moved {
		t := tenants[moved.To]
		old := "tenant-" + schema.DefaultSlug(moved.From)
		was := ReleaseKey{Cluster: t.Cluster, Namespace: old, Name: old}
		if KeyOf(&t.Release) == was || d.observation.Releases[KeyOf(&t.Release)].Deployed() || !slices.Contains(d.observation.Unmanaged, was) {
			continue
		}
		d.diagnostics = append(d.diagnostics, Diagnostic{
			Severity: Error, Address: t.Address, Range: rangeOf(moved.Source.At("to")), Summary: "Moved tenant would be another one",
			Detail: fmt.Sprintf("%s was release %s, and %s asks for release %s in namespace %s, which is not installed: it would be installed anew, and the old one left as it is. A slug is part of a tenant's names and cannot change. Keep it:\n    slug = %q",
				moved.From, was, moved.To, t.Name, t.Namespace, schema.DefaultSlug(moved.From)),
		})
	}
}
