package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/spf13/cobra"
)

// planFormats are the forms that a plan is written in for people.
var planFormats = []string{"human", "markdown", "html"}

// planFormat is how a plan is written for people.
type planFormat struct {
	name    string
	compact bool
}

func (f *planFormat) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "format", "human", "the `form`: human, markdown for a pull request, or html for a page that a browser shows")
	cmd.Flags().BoolVar(&f.compact, "compact", false, "leave out the fields that change, and name only the objects")
}

func (f *planFormat) check(asJSON bool) error {
	if asJSON && f.name != "human" {
		return fmt.Errorf("-json writes the whole plan document: -format=%s does not go with it", f.name)
	}
	return oneOf("format", f.name, planFormats)
}

// oneOf refuses an option's value that is not among those it can have.
func oneOf(option, value string, known []string) error {
	if slices.Contains(known, value) {
		return nil
	}
	last := len(known) - 1
	return fmt.Errorf("-%s=%s: it can be %s or %s", option, value, strings.Join(known[:last], ", "), known[last])
}

// showPlanAs writes a plan, and what there is to say about it.
func (a *app) showPlanAs(doc *plan.Document, f planFormat) error {
	detail := view.Full
	if f.compact {
		detail = view.Compact
	}
	var err error
	switch f.name {
	case "markdown":
		err = view.PlanMarkdown(a.out, doc, detail)
	case "html":
		err = view.PlanHTML(a.out, doc, detail)
	default:
		err = view.PlanHuman(a.out, doc, a.style(a.out), detail)
	}
	if err != nil {
		return err
	}
	a.diagnostics(doc.Diagnostics)
	return nil
}
