package check

import (
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// needs is what a question takes: on the cluster of whom it is about, and on the
// system's.
type needs struct{ here, system []kube.Access }

// Permissions are what asking the checks of a plan takes, by cluster.
func Permissions(f *schema.Fleet, doc *plan.Document) map[string][]kube.Access {
	s := &Set{fleet: f, tenants: tenantsOf(f)}
	s.api = newAPI(nil, f.System, s.hide)
	all := map[string][]kube.Access{}
	add := func(cluster string, access []kube.Access) {
		if len(access) > 0 {
			all[cluster] = append(all[cluster], access...)
		}
	}
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
			n := s.needs(at, c, p)
			add(at.release.Cluster, n.here)
			add(f.System.Cluster, n.system)
		}
	}
	return all
}

// needs are those of a probe; each says beside it what it takes.
func (s *Set) needs(at subject, c *schema.Check, p *schema.Probe) needs {
	switch {
	case p.HTTP != nil:
		return needs{here: httpAccess(at, p.HTTP)}
	case p.SQL != nil:
		return needs{system: s.databaseAccess()}
	case p.Job != nil:
		return needs{here: s.jobAccess(at, c, p.Job)}
	case p.Builtin != "":
		return s.builtinNeeds(at, p.Builtin)
	}
	return needs{} // Prometheus and programs are none of Kubernetes'
}

func tenantsOf(f *schema.Fleet) map[string]*schema.Tenant {
	tenants := map[string]*schema.Tenant{}
	for _, t := range f.Tenants {
		tenants[t.Address] = t
	}
	return tenants
}
