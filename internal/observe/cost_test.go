package observe_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/schema"
)

// TestCost counts requests: one body a release that the fleet names, one list
// for every 500 releases of the cluster, and a number that never grows.
func TestCost(t *testing.T) {
	t.Parallel()
	const all = 520
	f := newFleet(t)
	group := errgroup.Group{}
	group.SetLimit(8)
	for i := range all {
		f.tenant(t, "main", fmt.Sprintf("t-%d", i), false)
		group.Go(func() error {
			stored(t, f.namespace, fmt.Sprintf("t-%d", i))
			return nil
		})
	}
	_ = group.Wait()
	tenants := f.Tenants
	for _, n := range []int{10, all} {
		f.Tenants = tenants[:n]
		p, c := through(t, faultproxy.Options{})
		p.Requests()
		live := f.observe(t, observe.Clusters{"main": c})
		requests := p.Requests()
		if len(live.Releases) != n+1 {
			t.Fatalf("%d releases were read, want %d", len(live.Releases), n+1)
		}
		bodies, lists := 0, 0
		rest := map[string]int{}
		for _, r := range requests {
			path, _, _ := strings.Cut(r, "?")
			switch {
			case strings.Contains(path, "/sh.helm.release.v1."):
				bodies++
			case path == "GET /api/v1/secrets":
				lists++
			default:
				rest[path]++
			}
		}
		if bodies != n+1 {
			t.Errorf("%d tenants: %d bodies were asked for", n, bodies)
		}
		// Tests beside this one have releases as well.
		if pages := (secrets(t) + 499) / 500; lists < 2 || lists > pages {
			t.Errorf("%d tenants: %d lists of releases, want no more than %d", n, lists, pages)
		}
		for path, times := range rest {
			constant := map[string]bool{
				"GET /api": true, "GET /apis": true, "GET /api/v1/namespaces": true,
				"GET /api/v1/resourcequotas": true, "GET /api/v1/limitranges": true, "GET /apis/apps/v1/deployments": true,
			}
			owners := strings.HasPrefix(path, "GET /apis/helm.") || strings.HasPrefix(path, "GET /apis/argoproj.io/")
			if times != 1 || !constant[path] && !owners {
				t.Errorf("%d tenants: asked %d times for %s", n, times, path)
			}
		}
	}
}

// TestReleasesReadsNothingElse holds what status reads against what a plan does.
func TestReleasesReadsNothingElse(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.tenant(t, "main", "a", true)
	p, c := through(t, faultproxy.Options{})
	f.Prerequisites = []*schema.Prerequisite{{Name: "certs", CRD: "certificates.cert-manager.io"}}
	p.Requests()
	live, err := observe.Releases(t.Context(), f.Fleet, observe.Clusters{"main": c}, 4)
	if err != nil || len(live.Releases) != 2 {
		t.Fatalf("%d releases, %v", len(live.Releases), err)
	}
	for _, r := range p.Requests() {
		path, _, _ := strings.Cut(r, "?")
		if path != "GET /api/v1/secrets" && path != "GET /api/v1/namespaces" && !strings.Contains(path, "/sh.helm.release.v1.") {
			t.Errorf("asked for %s", path)
		}
	}
}

// secrets counts the revisions of all releases.
func secrets(t *testing.T) int {
	t.Helper()
	list, err := sandboxtest.Client(t).CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}
