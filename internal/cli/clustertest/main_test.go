package clustertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/soctalk/fleet/internal/cli"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
)

// TestMain is the program where the tests' own binary is called so.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "soctalk" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
	}
	realnodetest.Main(m)
}
