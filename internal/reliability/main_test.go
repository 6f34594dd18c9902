package reliability

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/soctalk/fleet/internal/cli"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

var (
	whole    = flag.Bool("whole", false, "run every case, not only those that are for every day")
	seed     = flag.Uint64("seed", 1, "decides what is left to chance")
	progress = flag.String("progress", "", "`file` that remembers which cases are done, so that they are not run again")
)

// TestMain is the program itself when it is called so.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "soctalk" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
	}
	sandboxtest.Main(m)
}
