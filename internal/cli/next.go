package cli

import (
	"regexp"
	"strings"

	"github.com/soctalk/fleet/internal/planfile"
	"github.com/soctalk/fleet/plan"
)

// applyAgain is the command that plans and applies with the same configuration.
// What is secret is left for the reader to fill in. A plan that runs programs
// needs the word for them each time.
func (a *app) applyAgain(in planfile.Inputs, doc *plan.Document) string {
	words := []string{"soctalk"}
	if a.dir != "." {
		words = append(words, shellWord("-chdir="+a.dir))
	}
	words = append(words, "apply")
	vars, files := in.Vars, in.VarFiles
	for _, kind := range in.Order {
		switch {
		case kind == 'v' && len(vars) > 0:
			words, vars = append(words, "-var", shellWord(a.withoutSecret(vars[0]))), vars[1:]
		case kind == 'f' && len(files) > 0:
			words, files = append(words, "-var-file", shellWord(files[0])), files[1:]
		}
	}
	return strings.Join(words, " ") + execOption(doc)
}

// execOption is what allows a plan the programs that it runs, if it runs any.
func execOption(doc *plan.Document) string {
	if len(programs(doc)) == 0 {
		return ""
	}
	return " -allow-exec"
}

func (a *app) withoutSecret(pair string) string {
	name, value, _ := strings.Cut(pair, "=")
	hide := a.fleet.SensitiveVariables[name]
	for _, secret := range a.fleet.Sensitive {
		hide = hide || strings.Contains(value, secret)
	}
	if hide {
		return name + "=…"
	}
	return pair
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord quotes a word for a POSIX shell.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
