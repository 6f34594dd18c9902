// Package prometheustest gives tests a real Prometheus.
package prometheustest

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/sandbox"
)

// Start starts a Prometheus that scrapes targets, each host:port, several times
// a second, and returns its URL. It ends with the test.
func Start(t testing.TB, targets ...string) string {
	t.Helper()
	program, err := sandbox.Prometheus(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs:\n- {job_name: test, static_configs: [{targets: [%s]}]}\n", strings.Join(targets, ", "))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address, err := sandbox.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address), address)
}

// serve runs a server until the test ends, and returns its URL once it is ready.
func serve(t testing.TB, cmd *exec.Cmd, address string) string {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	url := "http://" + address
	for {
		if resp, err := http.Get(url + "/-/ready"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return url
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("%s ended: %v\n%s", filepath.Base(cmd.Path), err, said.String())
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
