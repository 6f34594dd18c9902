package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// global takes the options that come before the command.
func (a *app) global(args []string) ([]string, error) {
	for len(args) > 0 {
		// A dash, perhaps another, then the name; without dash it is a command.
		name, isOption := strings.CutPrefix(args[0], "-")
		rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "-"), "chdir")
		ok = ok && isOption
		switch {
		case !ok:
			return args, nil
		case strings.HasPrefix(rest, "="):
			a.dir, args = rest[1:], args[1:]
		case rest == "" && len(args) > 1:
			a.dir, args = args[1], args[2:]
		case rest == "":
			return nil, advise(errors.New("-chdir needs a folder"), "Write it as -chdir=DIR, before the command.")
		default:
			return args, nil
		}
		info, err := os.Stat(a.dir)
		if err != nil || !info.IsDir() {
			return nil, fmt.Errorf("-chdir: there is no folder %q", a.dir)
		}
	}
	return args, nil
}

// normalise gives options with one dash the second one, as cobra wants it.
func normalise(args []string) []string {
	out := make([]string, len(args))
	copy(out, args)
	for i, s := range out {
		if s == "--" {
			break
		}
		if len(s) > 2 && s[0] == '-' && s[1] != '-' && letter(s[1]) {
			out[i] = "-" + s
		}
	}
	return out
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// flagError explains a wrong option in this program's own spelling.
func flagError(cmd *cobra.Command, err error) string {
	msg := err.Error()
	name, ok := strings.CutPrefix(msg, "unknown flag: --")
	if !ok {
		return strings.ReplaceAll(msg, "--", "-")
	}
	if name == "chdir" {
		return "-chdir comes before the command: soctalk -chdir=DIR " + cmd.Name()
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("there is no option -%s; did you mean -%s?", name, near)
	}
	return fmt.Sprintf("there is no option -%s", name)
}

func unknownCommand(name string, known []string) error {
	hint := "See: soctalk -help"
	if near := nearest(name, known); near != "" {
		hint = fmt.Sprintf("Did you mean %q?", near)
	}
	return advise(fmt.Errorf("there is no command %q", name), hint)
}

// nearest returns the known name that a misspelt one most likely means.
func nearest(name string, known []string) string {
	best, dist := "", 3
	for _, k := range known {
		if d := levenshtein.Distance(name, k, nil); d < dist {
			best, dist = k, d
		}
	}
	return best
}

// noArgs refuses arguments that a command does not take.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return advise(fmt.Errorf("%s takes no argument, and was given %q", cmd.CommandPath(), args[0]), "To name the folder of the configuration, write: soctalk -chdir=DIR "+cmd.Name())
}

// oneArg demands the one argument that a command takes. The hint says where such
// are found.
func oneArg(what, hint string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return advise(fmt.Errorf("%s needs %s", cmd.CommandPath(), what), hint)
		}
		return atMostOne(what)(cmd, args)
	}
}

// atMostOne refuses a second argument.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return advise(fmt.Errorf("%s takes %s and nothing more, and was given %q too", cmd.CommandPath(), what, args[1]), "See: "+cmd.CommandPath()+" -help")
	}
}
