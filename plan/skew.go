package plan

import (
	"fmt"

	"github.com/soctalk/fleet/internal/compat"
	"github.com/soctalk/fleet/schema"
)

// tellSkews warns of the pairs that live side by side for a while although they
// should not for long, and says for how long.
func (d *Draft) tellSkews(path *compat.Path) {
	moves := map[string]*Move{}
	for _, m := range d.Moves {
		moves[m.Release.Address] = m
	}
	for _, s := range path.Skews {
		skew := Skew{
			System: s.System.String(), Tenant: s.Tenant.String(), Status: string(s.Status), Why: s.Why,
			Tenants: s.Tenants, Steps: s.Hops, Stays: s.Stays, Inherited: s.Inherited,
		}
		var in []*Move
		for _, class := range s.Classes {
			for _, address := range path.Classes[class].Tenants {
				in = append(in, moves[address])
			}
		}
		d.skews = append(d.skews, skew)
		d.diagnostics = append(d.diagnostics, d.skewWarning(s, in))
	}
}

func (d *Draft) skewWarning(s compat.Skew, in []*Move) Diagnostic {
	first := in[0].Release
	diag := Diagnostic{Severity: Warning, Address: first.Address, Range: rangeOf(s.Source.Block), Summary: "Deprecated pair of versions"}
	if s.Source.Block == d.fleet.Compatibility.Source.Block {
		// No line says so: point at the version that asks for it.
		diag.Range = rangeOf(first.Source.At("version"))
	}
	when := "will run"
	if s.Inherited {
		when = "run"
	}
	if len(in) == 1 && s.Inherited {
		when = "runs"
	}
	diag.Detail = fmt.Sprintf("%s %s %s beside system %s: %s.", tenants(in), when, s.Tenant, s.System, s.Why)
	if s.Status == schema.Blocked {
		diag.Summary = "Forbidden pair of versions is live already"
	}
	switch {
	case s.Stays:
		diag.Detail += " This plan leaves it so."
	case s.Hops == 1:
		diag.Detail += " The next upgrade ends it."
	default:
		diag.Detail += fmt.Sprintf(" It lasts for at most %d upgrades.", s.Hops)
	}
	return diag
}
