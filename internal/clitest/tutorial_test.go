package clitest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox"
	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

const tutorial = "../../docs/tutorial.md"

// typed is a command of the tutorial, and what the page says that it prints.
type typed struct {
	line          int // of the page
	command, says string
}

// TestTutorial types what the tutorial says, line by line, on a cluster of its
// own that was upgraded by hand, and holds what is printed against the page.
// There, … stands for what differs from time to time, and alone on a line for
// lines that are left out.
func TestTutorial(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(tutorial)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sandbox.Start(t.Context(), sandbox.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	if _, err := publish.Charts(t.Context(), c.Registry, filepath.Join(examples, "charts")); err != nil {
		t.Fatal(err)
	}
	s := &typist{dir: t.TempDir(), state: t.TempDir()}
	path := filepath.Dir(helmCLI(t)) + string(os.PathListSeparator) + os.Getenv("PATH")
	s.env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "REGISTRY="+c.Registry, "XDG_CACHE_HOME="+t.TempDir(), "PATH="+path)
	if out, err := s.run(t, filepath.Join(examples, "tutorial", "by-hand.sh")+" $REGISTRY"); err != nil {
		t.Fatalf("by-hand.sh: %v\n%s", err, out)
	}
	if out, err := s.run(t, filepath.Join(examples, "tutorial", "by-hand.sh")+" $REGISTRY"); err != nil || !strings.HasPrefix(out, "The fleet is there already.") {
		t.Errorf("by-hand.sh, a second time: %v\n%s", err, out)
	}
	for _, step := range session(page) {
		out, err := s.run(t, step.command)
		if err != nil {
			t.Fatalf("%s:%d: %s: %v\n%s", tutorial, step.line, step.command, err, out)
		}
		if !shows(step.says, out) {
			t.Errorf("%s:%d: %s prints\n%s\nand the page says\n%s", tutorial, step.line, step.command, out, step.says)
		}
	}
}

// helmCLI builds the helm command.
func helmCLI(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "helm")
	cmd := exec.Command("go", "build", "-o", path, "helm.sh/helm/v3/cmd/helm")
	cmd.Dir = "../bench/helm"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build helm: %v\n%s", err, out)
	}
	return path
}

// session is what the page has typed: lines after "$ " in console blocks, and the
// whole of shell blocks, which print nothing. Those around make are about the
// sandbox, which the test has of its own.
func session(page []byte) []typed {
	var steps []typed
	_ = ast.Walk(goldmark.New().Parser().Parse(text.NewReader(page)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		block, ok := n.(*ast.FencedCodeBlock)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		whole := string(block.Lines().Value(page))
		switch language := string(block.Language(page)); {
		case language == "sh" && !strings.HasPrefix(whole, "make "):
			steps = append(steps, typed{line: 1 + bytes.Count(page[:block.Lines().At(0).Start], []byte("\n")), command: whole})
			return ast.WalkContinue, nil
		case language != "console":
			return ast.WalkContinue, nil
		}
		for i := range block.Lines().Len() {
			segment := block.Lines().At(i)
			line := string(segment.Value(page))
			last := len(steps) - 1
			if command, types := strings.CutPrefix(line, "$ "); types {
				steps = append(steps, typed{line: 1 + bytes.Count(page[:segment.Start], []byte("\n")), command: command})
			} else {
				steps[last].says += line
			}
		}
		return ast.WalkContinue, nil
	})
	return steps
}

// typist types commands one after the other; folder and variables stay.
type typist struct {
	dir, state string
	env        []string
}

func (s *typist) run(t *testing.T, command string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `
		if [ -e "$STATE/env" ]; then . "$STATE/env"; cd "$(cat "$STATE/pwd")"; fi
		set -a
		trap 'pwd >"$STATE/pwd"; export -p >"$STATE/env"' EXIT
		eval "$1"`, "sh", command)
	cmd.Dir = s.dir
	cmd.Env = append(s.env, "STATE="+s.state)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// shows says whether a page shows what a command printed. Empty lines at the end
// of it count for nothing.
func shows(page, printed string) bool {
	pattern := "^"
	for line := range strings.Lines(page) {
		if line = strings.TrimRight(line, " \n"); line == "…" {
			pattern += `(?:.*\n)*?`
			continue
		}
		parts := strings.Split(line, "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern += strings.Join(parts, ".*") + " *\n"
	}
	return regexp.MustCompile(pattern + `\n*$`).MatchString(printed)
}

func TestPageShows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		page, printed string
		want          bool
	}{
		{"", "", true},
		{"", "a\n", false},
		{"a\n", "a\n", true},
		{"a\n", "a\nb\n", false},
		{"a …s\n", "a 3s\n", true},
		{"a\n…\nd\n", "a\nb\nc\nd\n", true},
		{"a\n…\nd\n", "a\nd\n", true},
		{"a\n…\n", "a\nb\n", true},
		{"…\nc\n", "a\nb\n", false},
		{"a.c\n", "abc\n", false},
		{"a\n", "a\n\n", true},
	} {
		if got := shows(tt.page, tt.printed); got != tt.want {
			t.Errorf("%q shows %q: %t", tt.page, tt.printed, got)
		}
	}
}
