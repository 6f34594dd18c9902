package observe_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/schema"
)

// body selects the reads of one release's body.
func body(name string) func(*http.Request) bool {
	return faultproxy.Path("GET", "/sh.helm.release.v1."+name+".")
}

func garbled(b []byte) []byte {
	slices.Reverse(b)
	return b
}

// TestOneReleaseCannotBeRead lets the API server fail at one body in every way.
func TestOneReleaseCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault faultproxy.Fault
		want  string // "" for a fault that is overcome
		times int
	}{
		"asked to wait":          {faultproxy.Status(429, time.Second), "", 1},
		"asked to wait for ever": {faultproxy.Status(429, time.Hour), "did not answer within 3s", 0},
		"overloaded once":        {faultproxy.Status(429, 0), "", 1},
		"failing once":           {faultproxy.Status(500, 0), "", 2},
		"failing":                {faultproxy.Status(500, 0), "did not answer within 3s", 0},
		"refusing":               {faultproxy.Status(418, 0), "injected", 0},
		"hanging":                {faultproxy.Hang, "did not answer within 3s", 0},
		"stalling":               {faultproxy.Stall(40), "did not answer within 3s", 0},
		"slow":                   {faultproxy.Delay(200 * time.Millisecond), "", 0},
		"reset once":             {faultproxy.Reset, "", 1},
		"reset":                  {faultproxy.Reset, "connection", 0},
		"cut off once":           {faultproxy.Cut(40), "", 1},
		"cut off":                {faultproxy.Cut(40), "connection", 0},
		"garbled":                {faultproxy.Edit(garbled), "cannot be read", 0},
	} {
		for _, protocol := range []string{"HTTP/1", "HTTP/2"} {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				t.Parallel()
				f := newFleet(t)
				sick, well := f.tenant(t, "main", "sick", true), f.tenant(t, "main", "well", true)
				p, c := through(t, faultproxy.Options{HTTP1: protocol == "HTTP/1"})
				p.Add(faultproxy.Rule{Match: body("sick"), Times: test.times, Fault: test.fault})
				live := f.observe(t, observe.Clusters{"main": c})
				if live.Releases[well] == nil || live.Releases[f.key("main", "system")] == nil || len(live.Clusters) > 0 {
					t.Errorf("not all the others were read: %v, clusters %v, problems %v", slices.Collect(maps.Keys(live.Releases)), live.Clusters, live.Problems)
				}
				if p.Met()[0] == 0 {
					t.Error("the fault was not met")
				}
				got := live.Problems[sick]
				if !strings.Contains(got, test.want) || (test.want == "") != (got == "") || (live.Releases[sick] != nil) != (test.want == "") {
					t.Errorf("the problem is %q, want one with %q", got, test.want)
				}
			})
		}
	}
}

// TestDamagedReleases has bodies that no API server is to blame for.
func TestDamagedReleases(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	well := f.tenant(t, "main", "well", true)
	secrets := sandboxtest.Client(t).CoreV1().Secrets(f.namespace)
	for name, test := range map[string]struct {
		want string
		edit func(*release.Release)
		// then changes the Secret.
		data   []byte
		labels map[string]string
	}{
		"version":  {want: `chart version "latest"`, edit: func(r *release.Release) { r.Chart.Metadata.Version = "latest" }},
		"corrupt":  {want: "not base64", data: []byte("%canary%")},
		"empty":    {want: "not the JSON", data: []byte{}},
		"status":   {want: `status "shiny"`, labels: map[string]string{"status": "shiny"}},
		"another":  {want: "different releases", edit: func(r *release.Release) { r.Name = "canary" }},
		"revision": {want: "has no revision 7", labels: map[string]string{"version": "7"}},
	} {
		key := f.tenant(t, "main", name, false)
		if test.edit == nil {
			test.edit = func(*release.Release) {}
		}
		stored(t, f.namespace, name, test.edit, func(r *release.Release) { r.Labels = nil })
		s, err := secrets.Get(t.Context(), "sh.helm.release.v1."+name+".v1", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if test.data != nil {
			s.Data["release"] = test.data
		}
		s.Labels["name"] = name
		maps.Copy(s.Labels, test.labels)
		if _, err := secrets.Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			live := f.observe(t, observe.Clusters{"main": direct(t)})
			if got := live.Problems[key]; !strings.Contains(got, test.want) || strings.Contains(got, "canary") {
				t.Errorf("the problem is %q, want one with %q", got, test.want)
			}
			if live.Releases[key] != nil || live.Releases[well] == nil {
				t.Errorf("got %v", live.Releases)
			}
		})
	}
}

// TestAClusterFails lets a cluster beside the system's fail in every way.
func TestAClusterFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule faultproxy.Rule
		want string
	}{
		"list":       {faultproxy.Rule{Match: faultproxy.Path("GET", "/api/v1/secrets"), Fault: faultproxy.Status(403, 0)}, "listing Helm releases"},
		"namespaces": {faultproxy.Rule{Match: faultproxy.Path("GET", "/api/v1/namespaces"), Fault: faultproxy.Cut(10)}, "listing"},
		"discovery":  {faultproxy.Rule{Match: faultproxy.Path("GET", "/apis"), Fault: faultproxy.Status(500, 0)}, "what the API server offers"},
		"half-way":   {faultproxy.Rule{Match: faultproxy.Path("GET", "/sh.helm.release"), Skip: 2, Fault: faultproxy.Hang}, "stopped answering half-way, after 2 of 12 releases"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			f.cluster("far", "")
			well := f.tenant(t, "main", "well", true)
			for i := range 12 {
				f.tenant(t, "far", fmt.Sprintf("far-%d", i), true)
			}
			p, far := through(t, faultproxy.Options{})
			p.Add(test.rule)
			live := f.observe(t, observe.Clusters{"main": direct(t), "far": far})
			if !strings.Contains(live.Clusters["far"], test.want) || len(live.Clusters) != 1 {
				t.Errorf("the clusters that failed are %q, want far with %q", live.Clusters, test.want)
			}
			if live.Releases[well] == nil || live.Releases[f.key("main", "system")] == nil || len(live.Problems) > 5 {
				t.Errorf("got %v, problems %v", live.Releases, live.Problems)
			}
		})
	}
}

// TestTheSystemsClusterFails has nothing left to plan for.
func TestTheSystemsClusterFails(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	p, c := through(t, faultproxy.Options{})
	p.Add(faultproxy.Rule{Match: faultproxy.Path("GET", "/api/v1/secrets"), Fault: faultproxy.Hang})
	_, err := observe.Observe(t.Context(), f.Fleet, observe.Clusters{"main": c}, 4)
	var failed *observe.ClusterError
	if !errors.As(err, &failed) || failed.Cluster.Name != "main" || !strings.Contains(err.Error(), "did not answer within 3s") {
		t.Errorf("got %v", err)
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	const nobody = "the kubeconfig /nowhere/kubeconfig cannot be read"
	f := newFleet(t)
	f.cluster("main", sandboxtest.Cluster(t).Kubeconfig)
	f.cluster("far", "/nowhere/kubeconfig")
	f.cluster("unused", "/nowhere/kubeconfig")
	far := f.tenant(t, "far", "far", true)
	clusters, err := observe.Connect(t.Context(), f.Fleet, "test")
	if err != nil {
		t.Fatal(err)
	}
	if len(clusters) != 2 || clusters["main"].Failed != nil || clusters["far"].Failed == nil {
		t.Errorf("got %v", clusters)
	}
	live := f.observe(t, clusters)
	if !strings.Contains(live.Clusters["far"], nobody) || live.Releases[far] != nil || live.Releases[f.key("main", "system")] == nil {
		t.Errorf("got %v, %v", live.Clusters, live.Releases)
	}
	if h := observe.ReadHealth(t.Context(), clusters); len(h.Clusters) > 0 {
		t.Error(h.Clusters)
	}

	f.System.Cluster = "far"
	var failed *observe.ClusterError
	if _, err := observe.Connect(t.Context(), f.Fleet, "test"); !errors.As(err, &failed) || failed.Cluster.Name != "far" || !strings.Contains(err.Error(), nobody) {
		t.Errorf("got %v", err)
	}
}

// TestPrerequisiteCannotBeChecked keeps what else is known.
func TestPrerequisiteCannotBeChecked(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.Prerequisites = []*schema.Prerequisite{{Name: "certs", CRD: "certificates.cert-manager.io"}}
	p, c := through(t, faultproxy.Options{})
	p.Add(faultproxy.Rule{Match: faultproxy.Path("GET", "/customresourcedefinitions/"), Fault: faultproxy.Hang})
	live := f.observe(t, observe.Clusters{"main": c})
	if got, want := live.Prerequisites["certs"], "it cannot be checked: the API server did not answer within 3s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// forbidden answers as the API server does to who has no permission.
func forbidden(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"helmcharts is forbidden: User \"x\" cannot list resource","reason":"Forbidden","code":403}`)
}
