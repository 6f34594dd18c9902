package cli

import (
	"encoding/json"
	"fmt"

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
			_, diags := a.readTarget(&vars)
			v := validation{FormatVersion: plan.FormatVersion, Diagnostics: diags}
			for _, d := range diags {
				if d.Severity == plan.Error {
					v.ErrorCount++
				} else {
					v.WarningCount++
				}
			}
			v.Valid = v.ErrorCount == 0
			if asJSON {
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				if err := enc.Encode(v); err != nil {
					return fmt.Errorf("write the result: %w", err)
				}
			} else {
				a.diagnostics(diags)
				if v.Valid {
					a.valid(v.WarningCount)
				}
			}
			if !v.Valid {
				return exitStatus(exitFailure)
			}
			return nil
		},
	}
	vars.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of text")
	return cmd
}

func (a *app) valid(warnings int) {
	s := a.style(a.out)
	if warnings > 0 {
		fmt.Fprintf(a.out, "%s The configuration is valid, with the warnings shown.\n", s.Good("Success!"))
		return
	}
	fmt.Fprintf(a.out, "%s The configuration is valid.\n", s.Good("Success!"))
}
