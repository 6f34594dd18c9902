// Package cli is the command line: one file a command, with its flags,
// streams and exit codes.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/prose"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The exit codes that mean more than success.
const (
	exitFailure = 1
	exitChanges = 2 // plan -detailed-exitcode: there is something to do
	exitFormat  = 3 // fmt -check: something is not in canonical form
	exitGate    = 4 // apply: stopped at an approval gate
)

// exitStatus ends the command with a code; what there was to say is said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// fault is an error that consists of diagnostics.
type fault struct {
	diags hcl.Diagnostics
	// files and secrets are for the snippets; without files, those of the
	// fleet that was loaded last.
	files   map[string]*hcl.File
	secrets []string
}

func (f *fault) Error() string { return f.diags.Error() }

// hclFault makes an error of diagnostics.
func hclFault(diags hcl.Diagnostics) error { return &fault{diags: diags} }

// app is one run of the program: its streams, environment and folder.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      []string
	// dir is the folder of the configuration, from -chdir; "." otherwise.
	dir string
	// fleet is what was loaded last, for the snippets of later errors.
	fleet *schema.Fleet
	// told, where it is set, takes diagnostics instead of standard error: the
	// command writes for programs.
	told func([]plan.Diagnostic)
}

// Main runs the program and returns its exit code. It touches nothing of the
// process but the streams, the environment that it is given and the limit of
// its memory.
func Main(args []string, in io.Reader, out, errOut io.Writer, env []string) (code int) {
	a := &app{in: in, out: out, err: errOut, env: env, dir: ".", fleet: &schema.Fleet{}}
	defer func() {
		if r := recover(); r != nil {
			code = a.crashed(r)
		}
	}()
	a.tellPrograms(normalise(args))
	args, err := a.global(args)
	if err == nil {
		args = a.completing(args)
		root := a.root()
		root.SetArgs(normalise(args))
		err = root.Execute()
	}
	return a.finish(err)
}

// finish prints an error once and returns the exit code.
func (a *app) finish(err error) int {
	var status exitStatus
	var f *fault
	var withAdvice *advised
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &f):
		if f.files == nil {
			f.files, f.secrets = a.fleet.Files, a.fleet.Sensitive
		}
		a.diagnostics(view.Diagnostics(f.diags, f.files, f.secrets))
	case errors.As(err, &withAdvice):
		a.diagnostics([]plan.Diagnostic{{Severity: plan.Error, Summary: summary(err), Detail: withAdvice.advice}})
	default:
		a.diagnostics([]plan.Diagnostic{{Severity: plan.Error, Summary: summary(err), Detail: detail(err)}})
	}
	return exitFailure
}

// summary and detail split an error's text at its first line.
func summary(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	if s == "" {
		return "Failed"
	}
	return prose.Capital(s)
}

func detail(err error) string {
	_, d, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSpace(d)
}

// crashed says that there is a mistake in the program, in one message. The
// stack is only for those who ask for it.
func (a *app) crashed(r any) int {
	a.diagnostics([]plan.Diagnostic{{Severity: plan.Error, Summary: "soctalk crashed",
		Detail: fmt.Sprintf("This is a mistake in soctalk %s, not in the configuration: %v\n\nPlease report it, with what led to it. With SOCTALK_TRACE=1 in the environment the place in the code is shown.", version, r)}})
	if a.getenv("SOCTALK_TRACE") != "" {
		_, _ = a.err.Write(debug.Stack())
	}
	return exitFailure
}

// diagnostics writes to standard error, or into what a program reads.
func (a *app) diagnostics(diags []plan.Diagnostic) {
	if a.told != nil {
		a.told(diags)
		return
	}
	_ = view.DiagnosticsText(a.err, diags, a.dir, a.style(a.err))
}

// style says how text on w is written: coloured only on a terminal, and not
// when NO_COLOR is set.
func (a *app) style(w io.Writer) view.Style {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return view.Style{}
	}
	s := view.Style{Color: a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		s.Width = width
	}
	return s
}

// terminal reports whether a person can answer on standard input.
func (a *app) terminal() bool {
	return isTerminal(a.in)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// hints reports whether next steps are to be suggested.
func (a *app) hints() bool { return a.getenv("SOCTALK_IN_AUTOMATION") == "" }

// hint suggests a next step, where that is wanted.
func (a *app) hint(format string, args ...any) {
	if a.hints() {
		fmt.Fprintf(a.out, "\n"+format+"\n", args...)
	}
}

func (a *app) getenv(name string) string {
	for i := len(a.env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(a.env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// path returns a path that was given on the command line, which is relative
// to the folder of -chdir.
func (a *app) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(a.dir, p)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "soctalk",
		Short: "Plan and apply versions of a fleet of SocTalk releases",
		Long: `Plan and apply versions of a fleet of SocTalk releases.

HCL files say which versions the system and its tenants should run; soctalk
plans the way there and walks it. Options may be written with one dash or two.
-chdir=DIR, before the command, names the folder of the configuration.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(args[0], commandNames(a.commands()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return exitStatus(exitFailure)
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetUsageTemplate(usageTemplate(root))
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return advise(errors.New(flagError(cmd, err)), "See: "+cmd.CommandPath()+" -help")
	})
	root.AddCommand(a.commands()...)
	a.addCompletions(root)
	return root
}

// commands returns every command, in the order of the help text.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.initCommand(), a.validateCommand(), a.fmtCommand(), a.planCommand(), a.showCommand(), a.graphCommand(), a.applyCommand(), a.rollbackCommand(), a.statusCommand(), a.observeCommand(), a.importCommand(), a.historyCommand(), a.snapshotCommand(), a.forceUnlockCommand(),
		a.versionCommand(), a.completionCommand(),
	}
}

func commandNames(cmds []*cobra.Command) []string {
	names := make([]string, 0, len(cmds))
	for _, c := range cmds {
		names = append(names, c.Name())
	}
	return names
}
