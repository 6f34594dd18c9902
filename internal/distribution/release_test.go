package distribution

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const root = "../.."

// config is as much of goreleaser's configuration as matters here.
type config struct {
	Version int
	Before  struct{ Hooks []string }
	Builds  []struct {
		Main, Binary                      string
		Env, Goos, Goarch, Flags, Ldflags []string
		ModTimestamp                      string `json:"mod_timestamp"`
	}
	Archives []struct {
		Formats []string
		Files   []struct{ Src string }
	}
	Checksum struct{ Algorithm string }
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A release is for every platform, and built as it is checked to be
// reproducible.
func TestReleaseConfiguration(t *testing.T) {
	t.Parallel()
	var c config
	if err := yaml.Unmarshal([]byte(read(t, ".goreleaser.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	if c.Version != 2 || len(c.Builds) != 1 || c.Checksum.Algorithm != "sha256" {
		t.Fatalf("%+v", c)
	}
	b := c.Builds[0]
	for what, lists := range map[string][2][]string{
		"systems":       {b.Goos, {"linux", "darwin", "windows"}},
		"architectures": {b.Goarch, {"amd64", "arm64"}},
		"environment":   {b.Env, {"CGO_ENABLED=0"}},
	} {
		if !slices.Equal(lists[0], lists[1]) {
			t.Errorf("%s: %q, want %q", what, lists[0], lists[1])
		}
	}
	if b.ModTimestamp != "{{ .CommitTimestamp }}" {
		t.Errorf("files have the time %q", b.ModTimestamp)
	}
	check := read(t, "internal/distribution/check.sh")
	for _, text := range append(slices.Clone(b.Flags), strings.ReplaceAll(b.Ldflags[0], "{{ .Version }}", "0.0.0-check"), b.Main, b.Env[0]) {
		if !strings.Contains(check, text) {
			t.Errorf("check.sh does not build with %q", text)
		}
	}
	// A variable that is not there is set without a word.
	if !strings.Contains(read(t, "internal/cli/version.go"), "\nvar version = ") {
		t.Error("there is no internal/cli.version to set")
	}
	makefile := read(t, "Makefile")
	for _, hook := range c.Before.Hooks {
		if target := strings.TrimPrefix(hook, "make "); !strings.Contains(makefile, "\n"+target+":") {
			t.Errorf("there is no target for %q", hook)
		}
	}
}

// What an archive takes in is there once the hooks have run.
func TestReleaseFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command("go", "run", "./internal/clidocs", "-release", filepath.Join(dir, "build/release"))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1767225600")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var c config
	if err := yaml.Unmarshal([]byte(read(t, ".goreleaser.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Archives[0].Files {
		made, err := filepath.Glob(filepath.Join(dir, f.Src))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := filepath.Glob(filepath.Join(root, f.Src))
		if err != nil {
			t.Fatal(err)
		}
		if len(made)+len(kept) == 0 {
			t.Errorf("there is no %s", f.Src)
		}
	}
	man, err := os.ReadFile(filepath.Join(dir, "build/release/man/soctalk-plan.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`.TH "SOCTALK" "1" "Jan 2026"`, "detailed-exitcode", "Nothing is changed."} {
		if !strings.Contains(string(man), want) {
			t.Errorf("the man page of plan lacks %q", want)
		}
	}
}

// The image is the program, and not root.
func TestImage(t *testing.T) {
	t.Parallel()
	var froms, users []string
	for line := range strings.Lines(read(t, "Dockerfile")) {
		switch fields := strings.Fields(line); {
		case len(fields) < 2:
		case fields[0] == "FROM":
			froms = append(froms, fields[1])
		case fields[0] == "USER":
			users = append(users, fields[1])
		case fields[0] == "RUN" || fields[0] == "ADD":
			t.Errorf("the image is more than the program: %s", line)
		}
	}
	if len(froms) != 1 || !strings.HasPrefix(froms[0], "gcr.io/distroless/static-") || !slices.Equal(users, []string{"65532:65532"}) {
		t.Errorf("it is from %q, as %q", froms, users)
	}
}
