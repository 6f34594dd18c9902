package releases

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

const silentTenants = `
tenant "more" {
  for_each  = toset(["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9"])
  cluster   = cluster.here
  namespace = "%[4]s-${each.key}"
  release   = each.key
  chart     = "./chart"
  version   = "1.0.0"
}
`

func TestSilentClusterIsNotAskedForEveryRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.Start(t, config, faultproxy.Options{})
	w.write("fleet.hcl", fmt.Sprintf(recallFleet+silentTenants, proxy.Kubeconfig, w.namespace, w.home, w.namespace))
	s, draft := w.drafted(nil)
	theirs := regexp.MustCompile(`/namespaces/` + w.namespace + `-(b\d)/`)
	garbled := faultproxy.Edit(func([]byte) []byte { return []byte("<html>") }) // not repeated
	proxy.Add(faultproxy.Rule{Fault: garbled, Match: func(r *http.Request) bool { return theirs.MatchString(r.URL.Path) }})
	proxy.Requests()
	const parallel = 2
	outcomes, problems := s.Compare(t.Context(), draft, parallel)
	if len(outcomes) != 2 || len(problems) != 10 {
		t.Fatalf("%d outcomes and %d problems, want those of the two that answer and of the ten that do not", len(outcomes), len(problems))
	}
	asked, left := map[string]bool{}, 0
	for _, request := range proxy.Requests() {
		if m := theirs.FindStringSubmatch(request); m != nil {
			asked[m[1]] = true
		}
	}
	for address, p := range problems {
		if p.Summary != releaseUnreadable {
			t.Errorf("%s: %+v", address, p)
		}
		if strings.Contains(p.Detail, "not looked at, since its cluster no longer answers: ") {
			left++
		}
	}
	// What was under way when the fifth failed is asked all the same.
	if len(asked) < 5 || len(asked) > 5+parallel || left != 10-len(asked) {
		t.Errorf("asked for %d releases and left %d, want at least 5 asked and little more", len(asked), left)
	}
}
