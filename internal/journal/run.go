package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Labels of what a run keeps in the cluster.
const (
	labelRun   = "soctalk.io/run"
	labelPart  = "soctalk.io/journal" // run, log or plan
	labelState = "soctalk.io/state"

	partRun, partLog, partPlan = "run", "log", "plan"

	headKey = "run"
)

// State is what became of a run.
type State string

// The states.
const (
	// Running is also what a run is in whose program was killed, until somebody
	// else takes the lock.
	Running State = "running"
	// Waiting runs stand at a gate or were interrupted; Interrupted ones were cut
	// off. Both can be resumed.
	Waiting     State = "waiting"
	Interrupted State = "interrupted"
	Failed      State = "failed"
	Complete    State = "complete"
	// Unreadable runs have a record that somebody has damaged. It is left alone.
	Unreadable State = "unreadable"
)

// Run is the head of a run's journal.
type Run struct {
	ID          string       `json:"run"`
	PlanID      string       `json:"plan_id"`
	ToolVersion string       `json:"tool_version"`
	State       State        `json:"state"`
	By          string       `json:"by"`
	Started     time.Time    `json:"started"`
	Ended       *time.Time   `json:"ended,omitempty"`
	Summary     plan.Summary `json:"summary"`
	// Stopped says why the run did not go to its end.
	Stopped string `json:"stopped,omitempty"`
	// Awaits is the wave whose gate the run stands at.
	Awaits string `json:"awaits_approval,omitempty"`
	// Reverses is the run that this one rolls back, if it does.
	Reverses string `json:"reverses,omitempty"`
	// Pruned says that the plan and the entries are gone; see [Journal.Prune].
	Pruned bool `json:"pruned,omitempty"`

	// ConfigDigest is the plan's.
	ConfigDigest string         `json:"config_digest,omitempty"`
	Attempts     []Attempt      `json:"attempts,omitempty"`
	Gates        []GateApproval `json:"gates_approved,omitempty"`
	Outcome      *Outcome       `json:"outcome,omitempty"`
	// Unproven are the addresses of waves and releases that stay as the run
	// brought them though their checks did not pass.
	Unproven []string `json:"unproven,omitempty"`

	// left is how a run stood that is taken up again.
	left struct {
		state           State
		stopped, awaits string
	}
}

// Journal is the journals of a fleet, under the lock.
type Journal struct {
	k         *kube.Cluster
	namespace string
	held      *Held
}

// Open lets the holder of the lock write. What other runs, and earlier programs
// of the same run, had left open is closed to them first, and who had done so
// is given the time to notice that the lock is lost.
func Open(ctx context.Context, k *kube.Cluster, namespace string, held *Held) (*Journal, error) {
	j := &Journal{k: k, namespace: namespace, held: held}
	open, err := list(ctx, k, namespace, labels.Set{labelPart: partRun, labelState: string(Running)})
	if err != nil {
		return nil, err
	}
	for _, head := range open {
		if err := j.close(ctx, head); err != nil {
			return nil, err
		}
	}
	if len(open) > 0 {
		select {
		case <-time.After(freshness):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return j, nil
}

func (j *Journal) close(ctx context.Context, head *corev1.ConfigMap) error {
	run := read(head)
	log, _, err := lastPage(ctx, j.k, j.namespace, run.ID)
	if err != nil {
		return err
	}
	log.epoch, log.held = j.held.Epoch, j.held.Context
	if err := log.seize(ctx, apply.Entry{Time: time.Now().UTC(), Kind: apply.Taken}); err != nil {
		return err
	}
	if run.State == Unreadable {
		head.Labels[labelState] = string(Unreadable)
		if err := j.write(ctx, head); err != nil {
			return fmt.Errorf("write ConfigMap %s/%s: %w", j.namespace, head.Name, j.k.Explain(err))
		}
		return nil
	}
	run.cutOff()
	return j.put(ctx, run)
}

// cutOff notes that nobody is at work on a run any more that had not ended.
func (r *Run) cutOff() {
	r.State, r.Stopped = Interrupted, "its program was killed, or lost the cluster"
}

// Start keeps a plan and says that a run of it begins.
func (j *Journal) Start(ctx context.Context, run *Run, file []byte, key plan.Key) (*Log, error) {
	if err := j.keepPlan(ctx, run.ID, file, key); err != nil {
		return nil, err
	}
	run.State = Running
	if err := j.put(ctx, run); err != nil {
		return nil, err
	}
	return &Log{k: j.k, namespace: j.namespace, run: run.ID, epoch: j.held.Epoch, held: j.held.Context}, nil
}

// Resume takes a run up again, as it stands by now, and returns its entries so
// far. Of a complete one there are none to go on with: the log is nil.
func (j *Journal) Resume(ctx context.Context, id string, by Attempt) (*Run, *Log, []apply.Entry, error) {
	run, err := find(ctx, j.k, j.namespace, id)
	if err != nil || run.State == Complete {
		return run, nil, nil, err
	}
	log, entries, err := openLog(ctx, j.k, j.namespace, id)
	if err != nil {
		return nil, nil, nil, err
	}
	log.epoch, log.held = j.held.Epoch, j.held.Context
	run.Begin(by)
	run.left.state, run.left.stopped, run.left.awaits = run.State, run.Stopped, run.Awaits
	run.State, run.Ended, run.Stopped, run.Awaits = Running, nil, "", ""
	return run, log, entries, j.put(ctx, run)
}

// Refused notes that nothing of a run was started: one that was taken up again
// stands where it stood.
func (r *Run) Refused(why error) {
	r.State, r.Stopped, r.Awaits = r.left.state, r.left.stopped, r.left.awaits
	if r.left.state == "" {
		r.State, r.Stopped = Failed, why.Error()
	}
}

// End says what became of a run. Who lost the lock says nothing.
func (j *Journal) End(ctx context.Context, run *Run) error {
	if errors.Is(context.Cause(j.held.Context), ErrLost) {
		return ErrLost
	}
	now := time.Now().UTC()
	run.Ended = &now
	return j.put(context.WithoutCancel(ctx), run)
}

// put writes the head of a run.
func (j *Journal) put(ctx context.Context, run *Run) error {
	data, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("encode run %s: %w", run.ID, err)
	}
	head := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: j.namespace, Name: objectName(run.ID),
			Labels: map[string]string{labelRun: run.ID, labelPart: partRun, labelState: string(run.State)},
		},
		Data: map[string]string{headKey: string(data), auditKey: run.Audit()},
	}
	if err := j.write(ctx, head); err != nil {
		return fmt.Errorf("write ConfigMap %s/%s: %w", j.namespace, head.Name, j.k.Explain(err))
	}
	return nil
}

// write puts an object in the place of the one that is there, if any.
func (j *Journal) write(ctx context.Context, object *corev1.ConfigMap) error {
	maps := j.k.Typed().CoreV1().ConfigMaps(j.namespace)
	_, err := maps.Update(ctx, object, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = maps.Create(ctx, object, metav1.CreateOptions{})
	}
	return err
}

// Runs is [Runs] of this fleet.
func (j *Journal) Runs(ctx context.Context) ([]*Run, error) { return Runs(ctx, j.k, j.namespace) }

// Runs returns the runs of a fleet, newest first, those among them that are
// [Unreadable].
func Runs(ctx context.Context, k *kube.Cluster, namespace string) ([]*Run, error) {
	heads, err := list(ctx, k, namespace, labels.Set{labelPart: partRun})
	if err != nil {
		return nil, err
	}
	runs := []*Run{}
	for _, head := range heads {
		runs = append(runs, read(head))
	}
	slices.SortFunc(runs, func(a, b *Run) int { return strings.Compare(b.ID, a.ID) })
	return runs, nil
}

// NoRunError says that the journal knows nothing of a run.
type NoRunError struct{ ID, Namespace string }

func (e *NoRunError) Error() string {
	return fmt.Sprintf("namespace %s holds no run %s", e.Namespace, e.ID)
}

// Find returns a run with its entries.
func Find(ctx context.Context, k *kube.Cluster, namespace, id string) (*Run, []apply.Entry, error) {
	run, err := find(ctx, k, namespace, id)
	if err != nil {
		return nil, nil, err
	}
	_, entries, err := openLog(ctx, k, namespace, id)
	return run, entries, err
}

func find(ctx context.Context, k *kube.Cluster, namespace, id string) (*Run, error) {
	head, err := k.Typed().CoreV1().ConfigMaps(namespace).Get(ctx, objectName(id), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, &NoRunError{id, namespace}
	}
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", id, k.Explain(err))
	}
	return decode(head)
}

func list(ctx context.Context, k *kube.Cluster, namespace string, selected labels.Set) ([]*corev1.ConfigMap, error) {
	heads, err := records(ctx, k, namespace, selected)
	if err != nil {
		return nil, fmt.Errorf("read the runs in namespace %s: %w", namespace, err)
	}
	return heads, nil
}

func decode(head *corev1.ConfigMap) (*Run, error) {
	run := &Run{}
	if err := json.Unmarshal([]byte(head.Data[headKey]), run); err != nil || run.ID == "" || objectName(run.ID) != head.Name {
		return nil, fmt.Errorf("ConfigMap %s/%s, the record of a run, cannot be read: somebody has changed it", head.Namespace, head.Name)
	}
	return run, nil
}

// read takes from a damaged record what the object itself tells.
func read(head *corev1.ConfigMap) *Run {
	run, err := decode(head)
	if err != nil {
		return &Run{ID: strings.TrimPrefix(head.Name, objectName("")), State: Unreadable, Started: head.CreationTimestamp.UTC()}
	}
	return run
}

// RecordName is the ConfigMap in the system's namespace that a run is kept in.
func RecordName(run string) string { return objectName(run) }

func objectName(run string) string { return "soctalk-run-" + strings.ToLower(run) }
