package cli

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/compat"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

// variables are the options that set input variables, in the order given.
type variables struct {
	pairs, files []string
	order        []byte
}

// add registers -var and -var-file.
func (v *variables) add(cmd *cobra.Command) {
	cmd.Flags().Var(&variableFlag{list: &v.pairs, order: &v.order, kind: 'v', name: "name=value"}, "var", "set an input variable; may be repeated")
	cmd.Flags().Var(&variableFlag{list: &v.files, order: &v.order, kind: 'f', name: "file"}, "var-file", "read input variables from a file; may be repeated")
}

// variableFlag remembers the order in which both kinds were written, as a
// later one wins over an earlier one.
type variableFlag struct {
	list  *[]string
	order *[]byte
	kind  byte
	name  string
}

func (f *variableFlag) String() string { return "" }
func (f *variableFlag) Type() string   { return f.name }
func (f *variableFlag) Set(s string) error {
	*f.list = append(*f.list, s)
	*f.order = append(*f.order, f.kind)
	return nil
}

// read loads the configuration. The diagnostics hold warnings too.
func (a *app) read(v *variables) (*schema.Fleet, []plan.Diagnostic) {
	fleet, diags := a.parse(v, false)
	return fleet, view.Diagnostics(diags, fleet.Files, fleet.Sensitive)
}

// readTarget also says what a plan would refuse for a reason that the files
// alone show, which a plan does by itself. Variables need no value for that.
func (a *app) readTarget(v *variables) (*schema.Fleet, []plan.Diagnostic) {
	fleet, diags := a.parse(v, true)
	if !diags.HasErrors() {
		diags = slices.Concat(diags, targetPairs(fleet), foreseen(fleet))
	}
	return fleet, view.Diagnostics(diags, fleet.Files, fleet.Sensitive)
}

func (a *app) parse(v *variables, allowUnset bool) (*schema.Fleet, hcl.Diagnostics) {
	fleet, diags := schema.Load(a.dir, schema.Options{
		Vars: v.pairs, VarFiles: v.files, Order: string(v.order), Env: a.env, AllowUnset: allowUnset, ToolVersion: version, CheckSet: helm.CheckSet,
	})
	a.fleet = fleet
	return fleet, diags
}

// load reads the configuration and prints what is wrong with it. With an
// error in it the command ends.
func (a *app) load(v *variables) (*schema.Fleet, error) {
	fleet, diags := a.read(v)
	a.diagnostics(diags)
	if plan.HasErrors(diags) {
		return nil, exitStatus(exitFailure)
	}
	return fleet, nil
}

// loadQuietly is load without warnings.
func (a *app) loadQuietly(v *variables) (*schema.Fleet, error) {
	fleet, diags := a.read(v)
	if plan.HasErrors(diags) {
		a.diagnostics(diags)
		return nil, exitStatus(exitFailure)
	}
	return fleet, nil
}

// targetPairs rates what the files ask for: a pair of versions that may not
// run together can be seen without a cluster.
func targetPairs(f *schema.Fleet) hcl.Diagnostics {
	if f.System.Version == nil || f.Compatibility.Unsure {
		return nil
	}
	var diags hcl.Diagnostics
	seen := map[string]*target{}
	var order []*target
	for _, t := range f.Tenants {
		key := t.Version.String()
		if seen[key] == nil {
			seen[key] = &target{first: t, verdict: compat.Rate(f.Compatibility, f.System.Version, t.Version)}
			order = append(order, seen[key])
		}
		seen[key].count++
	}
	for _, t := range order {
		if d := t.diagnostic(f); d != nil {
			diags = append(diags, d)
		}
	}
	return diags
}
