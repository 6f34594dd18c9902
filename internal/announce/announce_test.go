package announce_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/announce"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

// hall is a cluster with two namespaces, and a fleet of a system and a tenant in
// them.
type hall struct {
	proxy          *faultproxy.Proxy
	kube           *kube.Cluster
	system, tenant string
	doc            *plan.Document
}

func newHall(t *testing.T) *hall {
	t.Helper()
	upstream, err := clientcmd.BuildConfigFromFlags("", sandboxtest.Cluster(t).Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{proxy: faultproxy.Start(t, upstream, faultproxy.Options{}), system: sandboxtest.Namespace(t), tenant: sandboxtest.Namespace(t)}
	if h.kube, err = kube.New(kube.Config{Kubeconfig: h.proxy.Kubeconfig}); err != nil {
		t.Fatal(err)
	}
	h.doc = &plan.Document{Releases: []plan.Release{
		{Address: "system", Cluster: "default", Namespace: h.system},
		{Address: "tenant.acme", Cluster: "default", Namespace: h.tenant},
		{Address: "tenant.new", Cluster: "default", Namespace: "not-there-" + h.tenant},
	}}
	return h
}

func (h *hall) announcer() *announce.Announcer {
	about := announce.Run{ID: "r1", Cluster: "default", Namespace: h.system, Record: "soctalk-run-r1"}
	return announce.New(context.Background(), map[string]*kube.Cluster{"default": h.kube}, about, h.doc)
}

// events are those of a namespace, as "type reason Kind/name: note".
func (h *hall) events(t *testing.T, namespace string) []string {
	t.Helper()
	list, err := sandboxtest.Client(t).EventsV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list.Items {
		if e.ReportingController == announce.Controller && e.ReportingInstance == "r1" {
			all = append(all, line(e))
		}
	}
	return all
}

func line(e eventsv1.Event) string {
	return fmt.Sprintf("%s %s %s/%s: %s", e.Type, e.Reason, e.Regarding.Kind, e.Regarding.Name, e.Note)
}

func (h *hall) event(kind apply.EventType, s plan.Step, err error) apply.Event {
	return apply.Event{Time: time.Now(), Type: kind, Step: s, Err: err, Elapsed: 5 * time.Second}
}

func upgrade(address string) plan.Step {
	return plan.Step{ID: address + "/0/upgrade", Kind: plan.StepUpgrade, Address: address, Tenant: address, From: "0.2.0", To: "0.2.1"}
}

// What happens to a release is told in its namespace, what happens to the run in
// the system's.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	a := h.announcer()
	a.Started("ops@ci", false)
	s := upgrade("tenant.acme")
	a.Event(h.event(apply.StepStart, s, nil))
	a.Event(h.event(apply.StepProgress, s, nil)) // no Event
	a.Event(h.event(apply.StepFailed, s, errors.New("it did not get ready")))
	a.Event(h.event(apply.StepFailed, s, &apply.StaleError{Address: "tenant.acme", Want: 3, Have: 4}))
	back := plan.Step{ID: s.ID + "/rollback", Kind: plan.StepRollback, Address: "tenant.acme", Tenant: "tenant.acme", To: "0.2.0"}
	a.Event(h.event(apply.RolledBack, back, nil))
	a.Event(h.event(apply.StepDone, plan.Step{Kind: plan.StepGate, Address: "wave.x"}, nil)) // no release
	a.Event(h.event(apply.StepStart, upgrade("tenant.new"), nil))                            // no namespace yet
	a.Ended(&apply.Result{RunID: "r1", Upgraded: 1, Awaits: "rest", Stopped: "wave rest waits"})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		h.tenant: {
			"Normal UpgradeStarted Namespace/" + h.tenant + ": tenant.acme: upgrading 0.2.0 → 0.2.1… (run r1)",
			"Warning UpgradeFailed Namespace/" + h.tenant + ": tenant.acme: failed upgrading 0.2.0 → 0.2.1 after 5s: it did not get ready (run r1)",
			"Warning Quarantined Namespace/" + h.tenant + ": tenant.acme: quarantined, not touched: was at revision 3 when the plan was made and is at 4 now (run r1)",
			"Normal RollbackDone Namespace/" + h.tenant + ": tenant.acme: rolled back to 0.2.0 after 5s (run r1)",
		},
		h.system: {
			"Normal RunStarted ConfigMap/soctalk-run-r1: Run r1 is started by ops@ci",
			"Normal RunAwaitsApproval ConfigMap/soctalk-run-r1: Run r1 waits for an approval of wave rest: 0 installed, 1 upgraded, 0 uninstalled.",
		},
	}
	for namespace, lines := range want {
		got := h.events(t, namespace)
		for _, l := range lines {
			if !strings.Contains(strings.Join(got, "\n"), l) {
				t.Errorf("no Event %q among\n%s", l, strings.Join(got, "\n"))
			}
		}
		if len(got) != len(lines) {
			t.Errorf("%d Events, want %d:\n%s", len(got), len(lines), strings.Join(got, "\n"))
		}
	}
}

// A note of any length, in any letters, fits what the API server takes.
func TestLongNote(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	a := h.announcer()
	a.Event(h.event(apply.StepFailed, upgrade("tenant.acme"), errors.New(strings.Repeat("世界", 1000))))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := h.events(t, h.tenant); len(got) != 1 || !strings.HasSuffix(got[0], "…") {
		t.Errorf("Events %q", got)
	}
}

// However many Events are refused, that is one error, which says how many and
// why; those that are not refused are there.
func TestRefusedEvents(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	forbidden := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"events.events.k8s.io is forbidden: User \"ops\" cannot create"}`))
	}
	h.proxy.Add(faultproxy.Rule{Match: faultproxy.Path(http.MethodPost, h.tenant+"/events"), Fault: forbidden})
	a := h.announcer()
	a.Started("ops@ci", true)
	for range 7 {
		a.Event(h.event(apply.StepStart, upgrade("tenant.acme"), nil))
	}
	err := a.Close()
	if err == nil || !strings.Contains(err.Error(), "7 Kubernetes Events of run r1 could not be written") || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("Close = %v", err)
	}
	if got := h.events(t, h.system); len(got) != 1 || !strings.Contains(got[0], "RunResumed") {
		t.Errorf("Events %q", got)
	}
	if got := h.events(t, h.tenant); len(got) != 0 {
		t.Errorf("Events %q", got)
	}
}

// An API server that does not answer holds up nobody: neither who tells of an
// event, of whatever number, nor for long who comes to the end.
func TestEventsThatHang(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.proxy.Add(faultproxy.Rule{Match: faultproxy.Path(http.MethodPost, "/events"), Fault: faultproxy.Hang})
	a := h.announcer()
	const all = 1500
	for range all {
		a.Event(h.event(apply.StepStart, upgrade("tenant.acme"), nil))
	}
	err := a.Close()
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d Kubernetes Events", all)) {
		t.Errorf("Close = %v", err)
	}
}
