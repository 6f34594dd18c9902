package examples

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Scripts of the pipelines are run, by the very lines of these files, in
// internal/clitest; here the files alone are held to be sound.

func TestPipelineScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("pipelines/scripts/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		for _, shell := range []string{"sh", "dash", "bash"} {
			if _, err := exec.LookPath(shell); err != nil {
				continue
			}
			if out, err := exec.Command(shell, "-n", script).CombinedOutput(); err != nil {
				t.Errorf("%s -n %s: %v\n%s", shell, script, err, out)
			}
		}
	}
}

// parseYAML reads YAML, and refuses what the type has no place for.
func parseYAML(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

var scriptIn = regexp.MustCompile(`^sh "\$[A-Z_]+/(?:\.\./\.\./scripts/)?([a-z-]+\.sh)"`)

// runs holds a line to be one that runs a script that there is, and into which
// nothing is pasted that others may choose.
func runs(t *testing.T, where, line string) {
	t.Helper()
	m := scriptIn.FindStringSubmatch(line)
	if m == nil || strings.Contains(line, "${{") {
		t.Errorf("%s: %q runs no script", where, line)
		return
	}
	if _, err := os.Stat(filepath.Join("pipelines/scripts", m[1])); err != nil {
		t.Errorf("%s: %v", where, err)
	}
}

type compositeAction struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Inputs      map[string]struct {
		Description string `json:"description"`
		Default     string `json:"default"`
	} `json:"inputs"`
	Outputs map[string]struct {
		Description string `json:"description"`
		Value       string `json:"value"`
	} `json:"outputs"`
	Runs struct {
		Using string `json:"using"`
		Steps []struct {
			ID    string            `json:"id"`
			If    string            `json:"if"`
			Shell string            `json:"shell"`
			Run   string            `json:"run"`
			Env   map[string]string `json:"env"`
			Uses  string            `json:"uses"`
			With  map[string]any    `json:"with"`
		} `json:"steps"`
	} `json:"runs"`
}

var (
	inputOf = regexp.MustCompile(`inputs\.([a-z-]+)`)
	stepOf  = regexp.MustCompile(`steps\.([a-z-]+)\.outputs`)
)

func TestActions(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plan", "apply"} {
		file := filepath.Join("pipelines/github", name, "action.yml")
		var a compositeAction
		parseYAML(t, file, &a)
		if a.Runs.Using != "composite" || a.Name == "" || a.Description == "" {
			t.Errorf("%s is no composite action with a name and a description", file)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inputOf.FindAllSubmatch(text, -1) {
			if _, there := a.Inputs[string(m[1])]; !there {
				t.Errorf("%s has no input %s", file, m[1])
			}
		}
		var ids []string
		for _, s := range a.Runs.Steps {
			ids = append(ids, s.ID)
			if s.Uses == "" {
				runs(t, file, s.Run)
			}
			if (s.Uses == "") == (s.Run == "") || (s.Run == "") != (s.Shell == "") {
				t.Errorf("%s: step %q neither uses an action nor runs something in a shell", file, s.ID)
			}
		}
		for _, m := range stepOf.FindAllSubmatch(text, -1) {
			if !slices.Contains(ids, string(m[1])) {
				t.Errorf("%s has no step %s", file, m[1])
			}
		}
	}
}

// The workflow uses the actions as they are.
func TestWorkflowUsesTheActions(t *testing.T) {
	t.Parallel()
	var workflow struct {
		Jobs map[string]struct {
			Environment string
			Steps       []struct {
				Uses string
				With map[string]any
			}
		}
	}
	data, err := os.ReadFile("pipelines/github/workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &workflow); err != nil {
		t.Fatal(err)
	}
	const ours = "soctalk/fleet/examples/"
	used := 0
	for name, job := range workflow.Jobs {
		for _, s := range job.Steps {
			path, own := strings.CutPrefix(s.Uses, ours)
			if !own {
				continue
			}
			used++
			path, _, _ = strings.Cut(path, "@")
			var a compositeAction
			parseYAML(t, filepath.Join(path, "action.yml"), &a)
			for input := range s.With {
				if _, there := a.Inputs[input]; !there {
					t.Errorf("job %s: %s has no input %s", name, path, input)
				}
			}
			if strings.HasSuffix(path, "/apply") && job.Environment == "" {
				t.Errorf("job %s applies without the protection of an environment", name)
			}
		}
	}
	if used != 2 {
		t.Errorf("the workflow uses %d of the 2 actions", used)
	}
	if bytes.Contains(data, []byte("pull_request_target")) {
		t.Error("pull_request_target gives strangers' files the project's secrets")
	}
}

// gitlabJob has what of GitLab's keywords the template needs; anything else is a
// misspelling.
type gitlabJob struct {
	Stage         string            `json:"stage"`
	Rules         []gitlabRule      `json:"rules"`
	Variables     map[string]string `json:"variables"`
	Script        []string          `json:"script"`
	Artifacts     *gitlabArtifacts  `json:"artifacts"`
	Environment   *struct{ Name string }
	ResourceGroup string   `json:"resource_group"`
	Needs         []string `json:"needs"`
	AllowFailure  *bool    `json:"allow_failure"`
	Interruptible bool     `json:"interruptible"`
	Timeout       string   `json:"timeout"`
}

type gitlabRule struct {
	If   string `json:"if"`
	When string `json:"when"`
}

type gitlabArtifacts struct {
	Paths    []string `json:"paths"`
	Access   string   `json:"access"`
	ExpireIn string   `json:"expire_in"`
}

func TestGitLabTemplate(t *testing.T) {
	t.Parallel()
	const file = "pipelines/gitlab/soctalk.gitlab-ci.yml"
	var template struct {
		Variables map[string]string `json:"variables"`
		Plan      gitlabJob         `json:"soctalk-plan"`
		Apply     gitlabJob         `json:"soctalk-apply"`
		Resume    gitlabJob         `json:"soctalk-resume"`
	}
	parseYAML(t, file, &template)
	for _, job := range []gitlabJob{template.Plan, template.Apply, template.Resume} {
		for _, line := range job.Script {
			if !strings.HasPrefix(line, "test ") {
				runs(t, file, line)
			}
		}
		if len(job.Rules) == 0 || len(job.Script) == 0 {
			t.Errorf("a job of %s never runs, or runs nothing", file)
		}
	}
	for _, job := range []gitlabJob{template.Apply, template.Resume} {
		if job.Environment == nil || job.Rules[0].When != "manual" || job.ResourceGroup == "" {
			t.Errorf("%s applies without approval, or twice at a time", file)
		}
	}
}
