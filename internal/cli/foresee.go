package cli

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/releases"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// foreseen is what a plan would refuse of releases whatever is live.
func foreseen(f *schema.Fleet) hcl.Diagnostics {
	s := foresight{found: map[string]*foresaw{}}
	for _, t := range f.Tenants {
		s.add(&t.Release, plan.NeverFits(f, t, &t.Release))
		for _, c := range t.Companions {
			s.add(&c.Release, plan.NeverFits(f, t, &c.Release))
		}
	}
	releases.Foresee(f, func(r *schema.Release, p plan.Problem) { s.add(r, &p) })
	return s.diagnostics()
}

// foresight keeps what is wrong with many releases in the same way, and at the
// same place, once.
type foresight struct {
	found map[string]*foresaw
	order []*foresaw
}

type foresaw struct {
	first   *schema.Release
	problem *plan.Problem
	others  []string
}

func (s *foresight) add(r *schema.Release, p *plan.Problem) {
	if p == nil {
		return
	}
	key := fmt.Sprint(p.Summary, r.Source.At(p.Attr), strings.ReplaceAll(p.Detail, r.Address, ""))
	if first := s.found[key]; first != nil {
		first.others = append(first.others, r.Address)
		return
	}
	s.found[key] = &foresaw{first: r, problem: p}
	s.order = append(s.order, s.found[key])
}

// maxForeseen is how many further releases a diagnostic lists by name.
const maxForeseen = 5

func (s *foresight) diagnostics() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, e := range s.order {
		detail := e.problem.Detail
		if n := len(e.others); n > 0 {
			names := strings.Join(e.others[:min(n, maxForeseen)], ", ")
			if n > maxForeseen {
				names = fmt.Sprintf("%s and %d more", names, n-maxForeseen)
			}
			detail += fmt.Sprintf("\n\nThis is about %s; %d more have the same: %s.", e.first.Address, n, names)
		}
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: e.problem.Summary, Detail: detail,
			Subject: e.first.Source.At(e.problem.Attr).Ptr(), Extra: about(e.first.Address),
		})
	}
	return diags
}
