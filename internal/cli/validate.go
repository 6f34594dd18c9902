package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/soctalk/fleet/plan"
	"github.com/spf13/cobra"
)

// validation is what validate -json prints.
type validation struct {
	FormatVersion string            `json:"format_version"`
	Valid         bool              `json:"valid"`
	ErrorCount    int               `json:"error_count"`
	WarningCount  int               `json:"warning_count"`
	Diagnostics   []plan.Diagnostic `json:"diagnostics"`
}

func (a *app) validateCommand() *cobra.Command {
	var vars variables
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration alone, without network",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			fleet, diags := a.readTarget(&vars)
			if asJSON {
				if err := a.validation(diags); err != nil {
					return fmt.Errorf("write the result: %w", err)
				}
			} else {
				a.diagnostics(diags)
			}
			if plan.HasErrors(diags) {
				return exitStatus(exitFailure)
			}
			if !asJSON {
				a.valid(len(diags), fleet.Unset)
			}
			return nil
		},
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of text")
	return cmd
}

// validation writes the object of validate -json.
func (a *app) validation(diags []plan.Diagnostic) error {
	v := validation{FormatVersion: plan.FormatVersion, Diagnostics: diags, Valid: !plan.HasErrors(diags)}
	for _, d := range diags {
		if d.Severity == plan.Error {
			v.ErrorCount++
		} else {
			v.WarningCount++
		}
	}
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (a *app) valid(warnings int, unset []string) {
	s := a.style(a.out)
	defer func() {
		if len(unset) > 0 {
			fmt.Fprintf(a.out, "What depends on variables without a value was not checked: %s.\n", strings.Join(unset, ", "))
		}
	}()
	if warnings > 0 {
		fmt.Fprintf(a.out, "%s The configuration is valid, with the warnings shown.\n", s.Good("Success!"))
		return
	}
	fmt.Fprintf(a.out, "%s The configuration is valid.\n", s.Good("Success!"))
}
