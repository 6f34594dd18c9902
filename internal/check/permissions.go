package check

import (
	"slices"

	systemdb "github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Permissions are what asking the checks of a plan takes, by cluster.
func Permissions(f *schema.Fleet, doc *plan.Document) map[string][]kube.Access {
	s := &Set{fleet: f, tenants: tenantsOf(f)}
	all := map[string][]kube.Access{}
	for _, step := range doc.Steps {
		for _, name := range step.Checks {
			c := f.Checks[name]
			if c == nil || c.On == "tenant" && step.Tenant == "" {
				continue // a soak asks what its tenants were asked
			}
			at, p, err := s.subject(c, step.Address)
			if err != nil {
				continue // asking it says so
			}
			cluster, system := at.release.Cluster, f.System
			switch {
			case p.HTTP != nil && p.HTTP.URL == "":
				all[cluster] = append(all[cluster], kube.Doing(at.release.Namespace, "", "services/proxy", "get")...)
			case p.Job != nil:
				all[cluster] = append(all[cluster], s.jobAccess(at, c, p.Job)...)
			case p.Builtin == schema.BuiltinImages:
				all[cluster] = append(all[cluster], kube.Doing(at.release.Namespace, "", "pods", "list")...)
			case p.SQL != nil:
				all[system.Cluster] = append(all[system.Cluster], systemdb.Permissions(system)...)
			case p.Builtin != "" && system.API != nil:
				all[system.Cluster] = append(all[system.Cluster], slices.Concat(
					kube.Doing(system.Namespace, "", "services/proxy", "get", "create"),
					kube.Doing(system.Namespace, "", "secrets", "get"))...)
			}
		}
	}
	return all
}

func tenantsOf(f *schema.Fleet) map[string]*schema.Tenant {
	tenants := map[string]*schema.Tenant{}
	for _, t := range f.Tenants {
		tenants[t.Address] = t
	}
	return tenants
}
