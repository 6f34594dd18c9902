package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/schema"
)

// unsupported refuses what the language can say and this version cannot do
// yet. Leaving it out in silence would be worse: a snapshot that is not taken,
// a gate that does not stop.
func (d *Draft) unsupported() {
	f := d.fleet
	refuse := func(at hcl.Range, what, instead string) {
		d.diagnostics = append(d.diagnostics, Diagnostic{
			Severity: Error, Range: rangeOf(at), Summary: "Not supported by this version of soctalk",
			Detail: fmt.Sprintf("%s cannot be carried out yet, and a plan that leaves it out would not be what the files say. %s", what, instead),
		})
	}
	for _, r := range f.Releases() {
		for _, s := range r.Snapshots {
			if s.When != "never" {
				refuse(s.Source.Block, fmt.Sprintf("snapshot %q", s.Name), "Take the backup by hand, and remove the block until then.")
			}
		}
	}
	if f.System.OnFailure == schema.SystemRestore {
		refuse(f.System.Source.At("on_failure"), `on_failure = "restore"`, `Use "stop" or "rollback".`)
	}
	for _, t := range f.Tenants {
		if t.Window != "" {
			refuse(t.Source.At("window"), "window", "Run the apply inside the window, and remove the attribute until then.")
			break
		}
	}
	for _, c := range f.Checks {
		if c.On == "system" || c.On == "tenant" {
			refuse(c.Source.Block, fmt.Sprintf("check %q", c.Name), "Check by hand after the apply, and remove the block until then.")
		}
	}
	for _, w := range f.Rollout.Waves {
		if w.Approve {
			refuse(w.Source.At("approve"), fmt.Sprintf("the approval of wave %q", w.Name), "Apply the waves one by one with -target=wave.NAME, and remove the attribute until then.")
		}
		if len(w.Checks) > 0 {
			refuse(w.Source.At("checks"), fmt.Sprintf("the checks of wave %q", w.Name), "Check by hand during the soak, and remove the attribute until then.")
		}
	}
	for _, r := range f.Removed {
		if r.Destroy {
			refuse(r.Source.Block, "removed with destroy = true", "Uninstall the release with helm, and remove the block.")
		}
	}
}
