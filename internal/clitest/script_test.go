package clitest

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/cli"
	"github.com/soctalk/fleet/internal/sandbox/publish"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/internal/sandbox/soctalktest"
)

func TestMain(m *testing.M) {
	testscript.Main(stopping{m}, map[string]func(){
		"soctalk": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())) },
	})
}

// stopping ends the sandbox once the scripts have run.
type stopping struct{ *testing.M }

func (s stopping) Run() int {
	code := s.M.Run()
	if err := sandboxtest.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// examples is the folder of the example charts, wherever a script changes to.
var examples, _ = filepath.Abs("../../examples")

// TestScripts runs every script with a fleet of its own: the names of its
// releases and tenants end in $ID.
func TestScripts(t *testing.T) {
	t.Parallel()
	c := sandboxtest.Cluster(t)
	if _, err := publish.Charts(t.Context(), c.Registry, "../../examples/charts"); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			id := "x" + strings.ToLower(rand.Text()[:6])
			env.Setenv("ID", id)
			env.Setenv("KUBECONFIG", c.Kubeconfig)
			env.Setenv("REGISTRY", c.Registry)
			env.Setenv("EXAMPLES", examples)
			env.Setenv("SOCTALK_VAR_id", id)
			env.Setenv("SOCTALK_VAR_registry", c.Registry)
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			env.Values[collectorKey{}], env.Values[forgeKey{}], env.Values[apiKey{}] = &collector{}, &forge{}, &soctalktest.API{}
			return writeFleet(env.WorkDir, c.Registry)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"live": live, "claims": claims, "patch": patch, "upgrade": upgradeByHand, "exits": exits, "order": order, "keep": keep, "hold": hold, "events": events, "restricted": restricted, "grant": grant, "audit": audit, "width": width,
			"helm-install": helmInstall, "helm-copy": helmCopy, "helm-forget": helmForget, "manifest": manifest, "clusters": clusters,
			"otlp": otlp, "forge": forgeCommand, "step": step, "job": job, "conftest": conftest(t),
			"secret": secret, "soctalk-api": soctalkAPI, "prometheus": prometheus(t),
			"damage": damage, "proxy": proxyCommand(t), "fault": fault,
			"snapshots": snapshots(t), "volumesnapshots": volumeSnapshots, "failing": failingClass,
			"velero": veleroCommand(t), "behaves": behaves, "write": writeVolumes, "holds": volumesHold, "uids": claimUIDs, "vanish": vanish,
		},
	})
}

// writeFleet puts the fleet that every script starts from into its folder: a
// system and three tenants, each taking further values from a file.
func writeFleet(dir, registry string) error {
	for name, from := range map[string]string{
		"fleet.hcl":          "fleet.hcl",
		"system.yaml":        "../../examples/demo/system-values.yaml",
		"compatibility.yaml": "../../examples/compatibility.yaml",
	} {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	for _, name := range []string{"more-system.yaml", "more-beta.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}\n"), 0o600); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("registry %q {\n  plain_http = true\n}\n", registry)
	return os.WriteFile(filepath.Join(dir, "registry.hcl"), []byte(text), 0o600)
}
