// Package announce tells those who look at a cluster what a run does there, in
// Kubernetes Events: of each release in its namespace, of the run itself in the
// system's. It costs at most one request a step's beginning and end, made beside
// the run; an Event that cannot be written is counted and harms nothing.
package announce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// Controller is what the Events say that they are from.
	Controller = "soctalk.io/soctalk"

	writers = 4
	// mostWaiting bounds what is not written yet; more is lost.
	mostWaiting = 1000
	// patience bounds one request, parting what is left at the end of the run.
	patience = 10 * time.Second
	parting  = 5 * time.Second
	// mostNote is what the API server takes, in bytes.
	mostNote = 1024
)

// Run is what the Events are about.
type Run struct {
	ID string
	// Cluster and Namespace are the system's; Record is the ConfigMap there that
	// the run is kept in.
	Cluster, Namespace, Record string
}

// Announcer writes Events.
type Announcer struct {
	clusters map[string]*kube.Cluster
	run      Run
	releases map[string]plan.Release
	queue    chan posting
	ctx      context.Context
	stop     context.CancelFunc
	writing  sync.WaitGroup

	mu    sync.Mutex
	lost  int
	first error // why
}

type posting struct {
	cluster string
	event   *eventsv1.Event
}

// New begins to write; [Announcer.Close] ends it.
func New(ctx context.Context, clusters map[string]*kube.Cluster, run Run, doc *plan.Document) *Announcer {
	a := &Announcer{clusters: clusters, run: run, releases: map[string]plan.Release{}, queue: make(chan posting, mostWaiting)}
	a.ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, r := range doc.Releases {
		a.releases[r.Address] = r
	}
	for range writers {
		a.writing.Go(a.write)
	}
	return a
}

// Event announces what happened to a release. It does not block.
func (a *Announcer) Event(e apply.Event) {
	r, known := a.releases[e.Step.Address]
	reason, kind := reasonOf(e)
	if reason == "" || !known {
		return
	}
	about := corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: r.Namespace, Namespace: r.Namespace}
	a.post(r.Cluster, about, e.Time, kind, reason, view.Line(e)+" (run "+a.run.ID+")")
}

// verbs are the steps that are announced.
var verbs = map[plan.StepKind]string{
	plan.StepInstall: "Install", plan.StepUpgrade: "Upgrade", plan.StepPins: "Upgrade", plan.StepUninstall: "Uninstall",
	plan.StepMigrate: "Migration", plan.StepSnapshot: "Snapshot", plan.StepCRDs: "DefinitionsUpdate", plan.StepRollback: "Rollback", plan.StepRestore: "Restore", plan.StepScaleUp: "ScaleUp",
}

// reasonOf is empty for what is not announced.
func reasonOf(e apply.Event) (reason, kind string) {
	verb := verbs[e.Step.Kind]
	var stale *apply.StaleError
	switch {
	case verb == "":
		return "", ""
	case e.Type == apply.StepStart:
		return verb + "Started", corev1.EventTypeNormal
	case e.Type == apply.StepDone || e.Type == apply.RolledBack:
		return verb + "Done", corev1.EventTypeNormal
	case e.Type == apply.StepFailed && errors.As(e.Err, &stale):
		return "Quarantined", corev1.EventTypeWarning
	case e.Type == apply.StepFailed:
		return verb + "Failed", corev1.EventTypeWarning
	}
	return "", ""
}

// Started announces that the run begins, or is taken up again.
func (a *Announcer) Started(by string, again bool) {
	reason, doing := "RunStarted", "is started"
	if again {
		reason, doing = "RunResumed", "goes on"
	}
	a.ofRun(corev1.EventTypeNormal, reason, fmt.Sprintf("Run %s %s by %s", a.run.ID, doing, by))
}

// Ended announces how the run ended.
func (a *Announcer) Ended(r *apply.Result) {
	switch {
	case r.OK():
		a.ofRun(corev1.EventTypeNormal, "RunComplete", fmt.Sprintf("Run %s is complete: %s", a.run.ID, view.Counts(r)))
	case r.Awaits != "":
		a.ofRun(corev1.EventTypeNormal, "RunAwaitsApproval", fmt.Sprintf("Run %s waits for an approval of wave %s: %s", a.run.ID, r.Awaits, view.Counts(r)))
	default:
		a.ofRun(corev1.EventTypeWarning, "RunStopped", fmt.Sprintf("Run %s did not complete: %s %d failed, %d quarantined, %d not started. Stopped: %s",
			a.run.ID, view.Counts(r), len(r.Failed), len(r.Quarantined), len(r.NotStarted), cmp.Or(r.Stopped, "all was tried")))
	}
}

func (a *Announcer) ofRun(kind, reason, note string) {
	about := corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Name: a.run.Record, Namespace: a.run.Namespace}
	a.post(a.run.Cluster, about, time.Now(), kind, reason, note)
}

func (a *Announcer) post(cluster string, about corev1.ObjectReference, at time.Time, kind, reason, note string) {
	p := posting{cluster, &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: about.Namespace, GenerateName: "soctalk-"},
		EventTime:  metav1.NewMicroTime(at), ReportingController: Controller, ReportingInstance: a.run.ID,
		Type: kind, Reason: reason, Action: reason, Regarding: about, Note: cut(note),
	}}
	select {
	case a.queue <- p:
	default:
		a.lose(errors.New("the API server takes them too slowly"))
	}
}

func cut(note string) string {
	if len(note) <= mostNote {
		return note
	}
	return strings.ToValidUTF8(note[:mostNote-len("…")], "") + "…"
}

func (a *Announcer) write() {
	for p := range a.queue {
		k := a.clusters[p.cluster]
		ctx, cancel := context.WithTimeout(a.ctx, patience)
		_, err := k.Typed().EventsV1().Events(p.event.Namespace).Create(ctx, p.event, metav1.CreateOptions{})
		cancel()
		// Of a first install there is no namespace yet, of an uninstall no longer.
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			a.lose(k.Explain(err))
		}
	}
}

func (a *Announcer) lose(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lost++; a.first == nil {
		a.first = err
	}
}

// Close returns once all is written, or soon. Its error says what is not.
func (a *Announcer) Close() error {
	close(a.queue)
	timer := time.AfterFunc(parting, a.stop)
	defer timer.Stop()
	a.writing.Wait()
	a.stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lost == 0 {
		return nil
	}
	return fmt.Errorf("%d Kubernetes Events of run %s could not be written: %w", a.lost, a.run.ID, a.first)
}
