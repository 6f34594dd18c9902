package view

import (
	"fmt"
	"strings"

	"github.com/soctalk/fleet/internal/prose"
	"github.com/soctalk/fleet/plan"
)

// PlanSummary is the last line of a plan.
func PlanSummary(doc *plan.Document) string {
	n := doc.Summary
	if doc.Reverses != nil {
		return fmt.Sprintf("Plan: %d to install, %d to upgrade, %d to uninstall, %d to roll back. %d unchanged.", n.Install, n.Upgrade, n.Uninstall, n.Rollback, n.Unchanged)
	}
	if n.Install+n.Upgrade+n.Uninstall == 0 && doc.Complete && !plan.HasErrors(doc.Diagnostics) {
		return "No changes. The fleet matches the configuration."
	}
	return fmt.Sprintf("Plan: %d to install, %d to upgrade, %d to uninstall. %d unchanged.", n.Install, n.Upgrade, n.Uninstall, n.Unchanged)
}

// reverses says which run a plan rolls back; empty when it does not.
func reverses(doc *plan.Document) string {
	switch r := doc.Reverses; {
	case r == nil:
		return ""
	case r.Point == plan.StartPoint:
		return fmt.Sprintf("This rolls back run %s, to where it started.", clean(r.Run))
	default:
		return fmt.Sprintf("This rolls back run %s, to its rollback point %s.", clean(r.Run), clean(r.Point))
	}
}

// losses say what data a plan gives up, a line each.
func losses(doc *plan.Document) []string {
	var lines []string
	for _, l := range doc.Losses {
		line := clean(l.Address) + ": " + clean(l.What)
		if l.Since != nil {
			line += " since " + stampOf(*l.Since)
		}
		lines = append(lines, line)
	}
	return lines
}

// unfinished says why a plan cannot be applied; empty when it can, or when
// there is nothing to apply.
func unfinished(doc *plan.Document) string {
	errors := 0
	for _, d := range doc.Diagnostics {
		if d.Severity == plan.Error {
			errors++
		}
	}
	switch {
	case errors > 0:
		return fmt.Sprintf("This plan cannot be applied: it has %s.", plural(errors, "error"))
	case !doc.Complete:
		return "This plan cannot be applied: not every release could be planned."
	case doc.Observed.Offline:
		return "This plan cannot be applied: it was made from an observation file, without a look at the clusters."
	}
	return ""
}

// forecast says how long the run takes and what it costs at worst; empty when
// nothing is known.
func forecast(doc *plan.Document) string {
	f := doc.Forecast
	if f == nil || len(doc.Steps) == 0 {
		return ""
	}
	var parts []string
	switch {
	case f.Expected != "" && f.AtMost != "":
		parts = append(parts, fmt.Sprintf("about %s, at most %s", clean(round(f.Expected)), clean(round(f.AtMost))))
	case f.Expected != "":
		parts = append(parts, "about "+clean(round(f.Expected)))
	case f.AtMost != "":
		parts = append(parts, "at most "+clean(round(f.AtMost)))
	}
	switch {
	case f.WorstFailures == 1:
		parts = append(parts, "stops at the first failed tenant")
	case f.WorstFailures > 1:
		parts = append(parts, fmt.Sprintf("stops after at most %d failed tenants", f.WorstFailures))
	}
	text := strings.Join(parts, "; ")
	if text == "" {
		return ""
	}
	return prose.Capital(text) + "."
}

// versions says from where to where a class goes, over all of its hops.
func versions(c *plan.Class) string {
	switch {
	case c.Action == plan.Install:
		return clean(c.To)
	case c.Action == plan.Uninstall:
		return clean(c.From)
	case c.From == c.To:
		return clean(c.To) + " (same version)"
	case len(c.Hops) < 2:
		return clean(c.From) + " → " + clean(c.To)
	}
	text := clean(c.From)
	for _, h := range c.Hops {
		text += " → " + clean(h.To)
	}
	return text
}

// nameOf is the short name of a release: its tenant's slug where it has one.
func nameOf(r *plan.Release) string {
	if r.Slug != "" {
		return clean(r.Slug)
	}
	return clean(r.Address)
}

// shortList joins names, of which it leaves out all but the first few.
func shortList(names []string) string {
	if len(names) > mostNames {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ", "), len(names)-mostNames)
	}
	return strings.Join(names, ", ")
}

func severity(d plan.Diagnostic) string {
	if d.Severity == plan.Error {
		return "error"
	}
	return "warning"
}

func severityTitle(d plan.Diagnostic) string {
	if d.Severity == plan.Warning {
		return "Warning"
	}
	return "Error"
}

// timesMore says how often a thing occurs beside those that are shown.
func timesMore(n int) string {
	if n == 1 {
		return "once more"
	}
	return fmt.Sprintf("%d times more", n)
}

func upTo(timeout string) string {
	if timeout == "" || timeout == "0s" {
		return ""
	}
	return " (up to " + clean(round(timeout)) + ")"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// round writes a duration as people do: 10m, not 10m0s.
func round(d string) string {
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(d, zero) {
			d = d[:len(d)-2]
		}
	}
	return d
}
