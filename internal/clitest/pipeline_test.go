package clitest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"
)

// compositeAction is what of a composite action is carried out here.
type compositeAction struct {
	Inputs map[string]struct{ Default string }
	Runs   struct {
		Steps []struct {
			ID, Run, Shell, Uses string
			Env                  map[string]string
		}
	}
}

// onPullRequest is what GitHub says of a workflow's run.
var onPullRequest = map[string]string{
	"github.event.pull_request.number":                 "7",
	"github.event.pull_request.head.sha || github.sha": "c0ffee",
	"github.server_url":                                "https://github.example.com",
	"github.repository":                                forgeProject,
	"github.run_id":                                    "41",
}

var expression = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

// step CODE ACTION ID EXPRESSION=VALUE… runs one step of an action in
// examples/pipelines/github, the very lines of the file, and expects that it ends
// with a code. Expressions that have no value here are inputs' defaults, outputs of
// earlier steps, or a mistake.
func step(ts *testscript.TestScript, _ bool, args []string) {
	folder := filepath.Join(examples, "pipelines", "github", args[1])
	var a compositeAction
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(filepath.Join(folder, "action.yml"))), &a))
	known := maps.Clone(onPullRequest)
	for name, in := range a.Inputs {
		known["inputs."+name] = in.Default
	}
	known["inputs.token"] = forgeToken
	for _, pair := range args[3:] {
		name, value, _ := strings.Cut(pair, "=")
		known[name] = value
	}
	for name, value := range outputs(ts) {
		known[name] = value
	}
	for _, s := range a.Runs.Steps {
		if s.ID != args[2] {
			continue
		}
		into := ts.MkAbs("outputs-of-" + s.ID)
		ts.Check(os.WriteFile(into, nil, 0o600))
		env := map[string]string{"GITHUB_ACTION_PATH": folder, "GITHUB_OUTPUT": into}
		for name, value := range s.Env {
			env[name] = expression.ReplaceAllStringFunc(value, func(e string) string {
				name := expression.FindStringSubmatch(e)[1]
				value, ok := known[name]
				if !ok {
					ts.Fatalf("step %s of %s: nobody says what %s is", s.ID, args[1], name)
				}
				return value
			})
		}
		shell(ts, args[0], env, s.Run)
		return
	}
	ts.Fatalf("%s has no step %s", args[1], args[2])
}

// outputs are what steps have left, as expressions.
func outputs(ts *testscript.TestScript) map[string]string {
	all := map[string]string{}
	files, err := filepath.Glob(ts.MkAbs("outputs-of-*"))
	ts.Check(err)
	for _, file := range files {
		id := strings.TrimPrefix(filepath.Base(file), "outputs-of-")
		for line := range strings.Lines(ts.ReadFile(file)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			all["steps."+id+".outputs."+name] = value
		}
	}
	return all
}

// job CODE NAME VARIABLE=VALUE… runs the script of a job of GitLab's template as a
// runner does, and expects that it ends with a code.
func job(ts *testscript.TestScript, _ bool, args []string) {
	var file map[string]any
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(filepath.Join(examples, "pipelines", "gitlab", "soctalk.gitlab-ci.yml"))), &file))
	of, ok := file[args[1]].(map[string]any)
	if !ok {
		ts.Fatalf("there is no job %s", args[1])
	}
	env := map[string]string{}
	for _, variables := range []any{file["variables"], of["variables"]} {
		for name, value := range variablesOf(variables) {
			env[name] = os.Expand(value, ts.Getenv)
		}
	}
	env["SOCTALK_SCRIPTS"] = filepath.Join(examples, "pipelines", "scripts")
	for _, pair := range args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	var lines []string
	for _, line := range of["script"].([]any) {
		lines = append(lines, fmt.Sprint(line))
	}
	shell(ts, args[0], env, strings.Join(lines, "\n"))
}

func variablesOf(v any) map[string]string {
	all := map[string]string{}
	of, _ := v.(map[string]any)
	for name, value := range of {
		all[name] = fmt.Sprint(value)
	}
	return all
}

// shell runs lines that must end with a code, with an environment of their own.
func shell(ts *testscript.TestScript, code string, env map[string]string, lines string) {
	before := map[string]string{}
	for name, value := range env {
		before[name] = ts.Getenv(name)
		ts.Setenv(name, value)
	}
	defer func() {
		for name, value := range before {
			ts.Setenv(name, value)
		}
	}()
	exits(ts, false, []string{code, "sh", "-e", "-c", lines})
}
