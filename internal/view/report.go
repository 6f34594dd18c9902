package view

import (
	"errors"
	"fmt"
	"strings"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
)

// mostFailures is how many failures a report explains; the others are named.
const mostFailures = 20

// Report is how a run ended.
type Report struct {
	Result *apply.Result
	// Running says that the run has not ended: what is open is under way.
	Running bool
	// Next is the command that plans what is left; empty hides it.
	Next string
}

// Command is what goes on with the run; empty when nothing is left of it.
func (r *Report) Command() string {
	switch {
	case r.Next == "" || r.Running || r.Result.OK():
		return ""
	case !r.resumes():
		return r.Next
	}
	command := r.Next + " -resume " + r.Result.RunID
	if r.Result.Awaits != "" {
		command += " -approve " + r.Result.Awaits
	}
	return command
}

// resumes says whether the run itself goes on, and not another plan: a way back
// is gone to its end, and another plan would not ask again what did not pass.
func (r *Report) resumes() bool {
	return r.Result.Resumable || r.Result.Reverses != "" || len(r.Result.Unproven()) > 0
}

// Shortfall names in a line the releases that are not as they were to be.
func Shortfall(r *apply.Result) string {
	var parts []string
	add := func(what string, addresses []string) {
		if len(addresses) > 0 {
			parts = append(parts, what+": "+shortList(addresses)+".")
		}
	}
	add("Failed", addressesOf(r.Failed))
	var quarantined []string
	for _, q := range r.Quarantined {
		quarantined = append(quarantined, q.Step.Address)
	}
	add("Quarantined", quarantined)
	add("Not started", r.NotStarted)
	if len(parts) == 0 {
		return "Stopped: " + strings.TrimSuffix(said(r.Stopped), ".") + "."
	}
	return strings.Join(parts, " ")
}

// text is the report for a person.
func (r *Report) text(style Style) string {
	var b strings.Builder
	res, stands := r.Result, r.standing()
	title := stands.style(style, stands.title)
	if res.OK() && !r.Running {
		return title + " " + Counts(res) + "\n"
	}
	fmt.Fprintf(&b, "%s %s\n\n", title, Counts(res))
	for i, f := range res.Failed {
		if i == mostFailures {
			fmt.Fprintf(&b, "  %s: %s\n", style.Bad("Failed too"), shortList(addressesOf(res.Failed[i:])))
			break
		}
		writeFailure(&b, style, "Failed", f)
	}
	for i := range res.Quarantined {
		writeFailure(&b, style, "Quarantined, not touched", &res.Quarantined[i])
	}
	for _, s := range res.Open {
		r.open(&b, style, s)
	}
	if len(res.RolledBack) > 0 {
		fmt.Fprintf(&b, "  Rolled back: %s\n", shortList(res.RolledBack))
	}
	if len(res.NotStarted) > 0 {
		fmt.Fprintf(&b, "  Not started: %s\n", shortList(res.NotStarted))
	}
	for _, u := range res.Underway {
		fmt.Fprintf(&b, "  On its way: %s is at %s\n", u.Address, u.At)
	}
	if res.Stopped != "" {
		fmt.Fprintf(&b, "  Stopped: %s.\n", strings.TrimSuffix(said(res.Stopped), "."))
	}
	switch command := r.Command(); {
	case command == "":
	case r.resumes() && !res.Resumable && len(res.Failed) > 0:
		fmt.Fprintf(&b, "\nOnce the cause is mended, this goes on where it stopped:\n  %s\n", command)
	case r.resumes():
		fmt.Fprintf(&b, "\nThis goes on where it stopped:\n  %s\n", command)
	default:
		fmt.Fprintf(&b, "\nOnce the cause is mended, this plans and runs what is left:\n  %s\n", command)
	}
	return b.String()
}

// standing is how a run stands, told alike by every view: its title, the look
// of that on a page and at a terminal, the level of a line for programs.
type standing struct {
	title, look, level string
	style              func(Style, string) string
}

var (
	underWay   = standing{"The run is under way.", "data", "info", func(_ Style, text string) string { return text }}
	complete   = standing{"Apply complete!", "good", "info", Style.Good}
	waiting    = standing{"Apply waits for an approval.", "data", "warn", Style.Warn}
	incomplete = standing{"Apply did not complete.", "bad", "error", Style.Bad}
)

func (r *Report) standing() standing {
	switch {
	case r.Running:
		return underWay
	case r.Result.OK():
		return complete
	case r.Result.Awaits != "" && len(r.Result.Failed)+len(r.Result.Quarantined) == 0:
		return waiting
	}
	return incomplete
}

func (r *Report) open(b *strings.Builder, style Style, s plan.Step) {
	doing, _ := words(s)
	if r.Running {
		fmt.Fprintf(b, "  Under way: %s (%s)\n", style.Bold(s.Address), doing)
		return
	}
	fmt.Fprintf(b, "  %s: %s (%s); how that ended is not known yet\n", style.Bad("Cut off"), style.Bold(s.Address), doing)
}

func writeFailure(b *strings.Builder, style Style, title string, f *apply.Failure) {
	fmt.Fprintf(b, "  %s: %s (%s)\n      %s\n", style.Bad(title), style.Bold(f.Step.Address), f.Step.Kind, indent(said(f.Err.Error()), "      "))
	for _, line := range seenIn(f.Err) {
		fmt.Fprintf(b, "      %s %s\n", style.Faint("│"), said(line))
	}
	if f.RollbackErr != nil {
		fmt.Fprintf(b, "      %s %s\n", style.Bad("and it could not be rolled back:"), indent(said(f.RollbackErr.Error()), "      "))
		for _, line := range seenIn(f.RollbackErr) {
			fmt.Fprintf(b, "      %s %s\n", style.Faint("│"), said(line))
		}
	}
}

// seenIn is what was seen around an error.
func seenIn(err error) []string {
	var cause *apply.CauseError
	if errors.As(err, &cause) {
		return cause.Seen
	}
	return nil
}

func addressesOf(failed []*apply.Failure) []string {
	var all []string
	for _, f := range failed {
		all = append(all, f.Step.Address)
	}
	return all
}

// Counts says what was done, in the words that apply ends with.
func Counts(r *apply.Result) string {
	text := fmt.Sprintf("%d installed, %d upgraded, %d uninstalled", r.Installed, r.Upgraded, r.Uninstalled)
	if r.Reverses != "" {
		text += fmt.Sprintf(", %d rolled back", r.Returned)
	}
	return text + "."
}

func indent(s, by string) string { return strings.ReplaceAll(s, "\n", "\n"+by) }
