package schema

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFoldersAreNoFiles holds that a folder is passed over, whatever its name.
func TestFoldersAreNoFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t, "-- main.hcl --\n"+base+acme+"-- x.hcl/inner.hcl --\nnonsense {}\n-- x.hcl.json/a --\n-- x.auto.vars.hcl/a --\n-- soctalk.vars.hcl/a --\n")
	if err := os.Symlink("x.hcl", filepath.Join(dir, "link.hcl")); err != nil {
		t.Fatal(err)
	}
	if _, diags := Load(dir, Options{}); len(diags) > 0 {
		t.Error(messages(diags))
	}
	if err := os.Remove(filepath.Join(dir, "main.hcl")); err != nil {
		t.Fatal(err)
	}
	_, diags := Load(dir, Options{})
	has(t, messages(diags), "No configuration files")
}
