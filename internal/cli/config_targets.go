package cli

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/compat"
	"github.com/soctalk/fleet/schema"
)

// target is a version that tenants are to run beside the system's.
type target struct {
	first   *schema.Tenant
	count   int
	verdict compat.Verdict
}

func (t *target) diagnostic(f *schema.Fleet) *hcl.Diagnostic {
	d := &hcl.Diagnostic{Subject: t.first.Source.At("version").Ptr(), Extra: about(t.first.Address)}
	who := t.first.Address
	if t.count > 1 {
		who = fmt.Sprintf("%s and %d more", who, t.count-1)
	}
	pair := fmt.Sprintf("%s would run %s beside system %s: %s", who, t.first.Version, f.System.Version, t.verdict.Why)
	switch t.verdict.Status {
	case schema.Blocked:
		d.Severity, d.Summary = hcl.DiagError, "Versions may not run together"
		d.Detail = pair + ". Ask for another version, or change the compatibility rules."
	case schema.Deprecated:
		d.Severity, d.Summary = hcl.DiagWarning, "Deprecated pair of versions as target"
		d.Detail = pair + "."
	default:
		return nil
	}
	return d
}

// about is the address that a diagnostic carries.
type about string

func (a about) DiagnosticAddress() string { return string(a) }
