package clitest

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/sandbox"
)

// conftest ARGUMENT… is the real conftest, which the first script that calls it
// builds.
func conftest(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		program, err := sandbox.Conftest(t.Context(), os.Stderr)
		ts.Check(err)
		err = ts.Exec(program, args...)
		if neg && err == nil {
			ts.Fatalf("conftest found nothing")
		}
		if !neg {
			ts.Check(err)
		}
	}
}
