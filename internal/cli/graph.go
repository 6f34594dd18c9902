package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/spf13/cobra"
)

// graphFormats are the forms of a plan's DAG.
var graphFormats = map[string]func(io.Writer, *plan.Document) error{
	"dot": view.GraphDOT, "mermaid": view.GraphMermaid, "svg": view.GraphSVG,
}

func (a *app) graphCommand() *cobra.Command {
	var vars variables
	var flags planFlags
	var format string
	cmd := &cobra.Command{
		Use:   "graph [FILE]",
		Short: "Draw the steps of a plan",
		Long: `Draws the steps of a saved plan and what each of them waits for, wave by wave.
Without FILE it plans first. Tenants whose steps are the same are drawn as one.`,
		Args: atMostOne("one plan file"),
	}
	vars.add(cmd)
	flags.register(cmd)
	cmd.Flags().StringVar(&format, "format", "dot", "the `form`: dot for Graphviz, mermaid for Markdown, svg for a picture")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("format", format, slices.Sorted(maps.Keys(graphFormats))); err != nil {
			return err
		}
		doc, err := a.graphed(cmd, args, &vars, &flags)
		if err != nil {
			return err
		}
		if err := graphFormats[format](a.out, doc); err != nil {
			return err
		}
		a.diagnostics(doc.Diagnostics)
		if plan.HasErrors(doc.Diagnostics) || !doc.Complete {
			return exitStatus(exitFailure)
		}
		return nil
	}
	return cmd
}

// graphed is the plan of a file, or else a new one.
func (a *app) graphed(cmd *cobra.Command, args []string, vars *variables, flags *planFlags) (*plan.Document, error) {
	if len(args) == 0 {
		return a.planned(cmd.Context(), vars, flags)
	}
	for _, name := range []string{"var", "var-file", "target", "exclude"} {
		if cmd.Flags().Changed(name) {
			return nil, fmt.Errorf("a saved plan is drawn as it is: -%s belongs to soctalk plan", name)
		}
	}
	file, err := planfile.Read(a.path(args[0]))
	if err != nil {
		return nil, err
	}
	return file.Document, nil
}

func (a *app) planned(ctx context.Context, vars *variables, flags *planFlags) (*plan.Document, error) {
	f, err := a.load(vars)
	if err != nil {
		return nil, err
	}
	_, doc, err := flags.make(ctx, a, f)
	return doc, err
}
