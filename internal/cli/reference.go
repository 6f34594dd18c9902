package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go run ../clidocs ../../docs/cli.md

const referenceHead = `# The command line

Made from the commands themselves by ` + "`make docs`" + `; do not edit.

One binary, ` + "`soctalk`" + `. Options are written with one dash or two (` + "`-out=f`, `--out f`" + `).
` + "`-chdir=DIR`" + `, before the command, names the folder of the configuration; paths on
the command line are relative to it. Text for people goes to standard output,
diagnostics to standard error; ` + "`-json`" + ` writes JSON to standard output and nothing
else. Colour is used only on a terminal and without ` + "`NO_COLOR`" + `.
` + "`SOCTALK_IN_AUTOMATION`" + ` hides hints about next steps. Nothing asks where nobody
can answer.

Every command exits with 0 when it did what it was asked, and with 1 when it
failed or refused; what else there is stands with the command.
`

// exitCodes are the codes beside 0 and 1.
var exitCodes = map[string]string{
	"plan": "2 with `-detailed-exitcode` when there are changes",
	"fmt":  "3 with `-check` when something is not in canonical form",
}

// Tree is the program's commands, for those who document them: run, they do
// nothing of use.
func Tree() *cobra.Command {
	return (&app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, dir: "."}).root()
}

// WriteReference writes the page docs/cli.md.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, c := range (&app{}).commands() {
		command(&b, c)
		for _, sub := range c.Commands() {
			command(&b, sub)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func command(b *strings.Builder, c *cobra.Command) {
	name := "soctalk " + c.Use
	if c.HasParent() {
		name = "soctalk " + c.Parent().Name() + " " + c.Use
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n", name, sentence(c))
	if code := exitCodes[c.Name()]; code != "" {
		fmt.Fprintf(b, "\nExit code: %s.\n", code)
	}
	if !c.Flags().HasFlags() {
		return
	}
	b.WriteString("\n| option | meaning |\n|---|---|\n")
	c.Flags().VisitAll(func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		option := "-" + f.Name
		if name != "" {
			option += "=" + strings.ToUpper(name)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", option, strings.ReplaceAll(usage, "|", "\\|"))
	})
}

func sentence(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}
