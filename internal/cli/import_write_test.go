package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/adopt"
)

func imported() *adopt.Result {
	return &adopt.Result{
		Files:   map[string][]byte{adopt.FleetFile: []byte("system {}\n"), adopt.VariablesFile: []byte("# none\n"), adopt.SecretsFile: []byte("# s\n"), "tenants.yaml": []byte("{}\n")},
		Private: map[string]bool{adopt.SecretsFile: true},
	}
}

// entries are the names in a folder.
func entries(t *testing.T, dir string) string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

const allFiles = "fleet.hcl secrets.auto.vars.hcl tenants.yaml variables.hcl"

func TestImportedFilesAreWritten(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	there := filepath.Join(parent, "there")
	if err := os.Mkdir(there, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{there, filepath.Join(parent, "new"), filepath.Join(parent, "deep", "er")} {
		if err := settle(dir, imported()); err != nil {
			t.Fatal(err)
		}
		if got := entries(t, dir); got != allFiles {
			t.Errorf("%s holds %s", dir, got)
		}
		if info, err := os.Stat(filepath.Join(dir, adopt.SecretsFile)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file for secrets: %v, %v", info.Mode(), err)
		}
	}
	if got := entries(t, parent); got != "deep new there" {
		t.Errorf("beside the folders there is %s", got)
	}
}

func TestFailedImportLeavesNothing(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	there := filepath.Join(parent, "there")
	if err := os.Mkdir(there, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(there, "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{there, filepath.Join(parent, "new")} {
		r := imported()
		r.Files[filepath.Join("no-such-folder", "x.yaml")] = nil
		if err := settle(dir, r); err == nil {
			t.Errorf("%s: it was written", dir)
		}
	}
	if got := entries(t, parent) + ": " + entries(t, there); got != "there: README" {
		t.Errorf("there is %s", got)
	}
}

// An import that was cut off has written some files, and never that of the fleet.
func TestImportGoesOnWhereOneWasCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{adopt.VariablesFile, "tenants.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), imported().Files[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	changed := imported()
	changed.Files[adopt.VariablesFile] = []byte("# another\n")
	if err := empty(dir); err != nil {
		t.Error(err)
	}
	if err := settle(dir, changed); err == nil || !strings.Contains(err.Error(), "variables.hcl is there already") {
		t.Errorf("a file that says something else: %v", err)
	}
	if got := entries(t, dir); got != "tenants.yaml variables.hcl" {
		t.Errorf("after that there is %s", got)
	}
	if err := settle(dir, imported()); err != nil {
		t.Error(err)
	}
	if got := entries(t, dir); got != allFiles {
		t.Errorf("there is %s", got)
	}
	if err := empty(dir); err == nil || !strings.Contains(err.Error(), "holds a configuration already: fleet.hcl") {
		t.Errorf("a whole configuration: %v", err)
	}
}
