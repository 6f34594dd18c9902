package prometheustest

import (
	"os"
	"os/exec"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox"
)

// requireEnv is the environment variable that makes tests fail, not skip, where
// there is no Pushgateway.
const requireEnv = "SOCTALK_REQUIRE_PUSHGATEWAY"

// Pushgateway starts a Pushgateway that keeps nothing, and returns its URL. It
// ends with the test, which is skipped where none is installed.
func Pushgateway(t testing.TB) string {
	t.Helper()
	var program string
	for _, name := range []string{"prometheus-pushgateway", "pushgateway"} { // Debian's, and its own
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		if os.Getenv(requireEnv) != "" {
			t.Fatal("there is no Pushgateway")
		}
		t.Skip("there is no Pushgateway: make gateway-packages installs one")
	}
	address, err := sandbox.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, exec.Command(program, "--web.listen-address="+address), address)
}
