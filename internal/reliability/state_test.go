package reliability

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/journal"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// state is everything that a run is about, as text, a line for each fact: what
// Helm keeps of the newest revisions, and what is live. The fleet's own name is
// taken out, and what Secrets hold.
func (p *program) state(t *testing.T) []string {
	t.Helper()
	var lines []string
	add := func(format string, args ...any) {
		lines = append(lines, hashes.ReplaceAllString(strings.ReplaceAll(fmt.Sprintf(format, args...), p.id, "ID"), "HASH"))
	}
	for _, name := range p.releases() {
		r, err := p.helm.Get(t.Context(), name, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		add("%s %s %s", name, r.ChartVersion, r.Status)
		objects, err := helm.ParseManifest(r.Manifest.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if o.GetKind() == "Secret" {
				delete(o.Object, "data")
				delete(o.Object, "stringData")
			}
			add("%s manifest %v", name, o.Object)
		}
		p.live(t, name, add)
	}
	slices.Sort(lines)
	return lines
}

// live adds what exists in a namespace, and what its workloads run.
func (p *program) live(t *testing.T, namespace string, add func(string, ...any)) {
	t.Helper()
	k := p.kube.Typed()
	all := metav1.ListOptions{}
	deployments, err := k.AppsV1().Deployments(namespace).List(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments.Items {
		s := d.Status
		add("%s live Deployment %s %s ready %t", namespace, d.Name, images(d.Spec.Template), s.ReadyReplicas == *d.Spec.Replicas && s.UpdatedReplicas == s.Replicas && s.ObservedGeneration == d.Generation)
	}
	sets, err := k.AppsV1().StatefulSets(namespace).List(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sets.Items {
		add("%s live StatefulSet %s %s ready %t", namespace, d.Name, images(d.Spec.Template), d.Status.ReadyReplicas == *d.Spec.Replicas)
	}
	maps, err := k.CoreV1().ConfigMaps(namespace).List(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps.Items {
		if !strings.HasPrefix(m.Name, "soctalk-run-") && m.Name != "kube-root-ca.crt" {
			add("%s live ConfigMap %s %v", namespace, m.Name, m.Data)
		}
	}
	jobs, err := k.BatchV1().Jobs(namespace).List(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs.Items {
		add("%s live Job %s succeeded %d", namespace, j.Name, j.Status.Succeeded)
	}
	services, err := k.CoreV1().Services(namespace).List(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services.Items {
		add("%s live Service %s", namespace, s.Name)
	}
}

// hashes of texts in which the fleet's own name stands.
var hashes = regexp.MustCompile(`[0-9a-f]{64}`)

// undisturbed is the state that a run comes to that nobody disturbs, and its
// journal.
var undisturbed struct {
	sync.Once
	state   []string
	entries []apply.Entry
	run     journal.State
}

// reference makes an undisturbed run, once.
func reference(t *testing.T) (state []string, entries []apply.Entry, run journal.State) {
	t.Helper()
	u := &undisturbed
	u.Do(func() {
		p := newProgram(t, 0)
		if e := p.run(t, "apply", "up.plan"); e.code != 1 || !strings.Contains(e.output, "Rolled back:") {
			t.Fatalf("the staged failure was to end the undisturbed run with 1: %d\n%s", e.code, e.output)
		}
		run, entries := p.journal(t)
		u.state, u.entries, u.run = p.state(t), entries, run.State
		p.sound(t, u.state, u.run)
	})
	if len(u.state) == 0 {
		t.Fatal("there is no undisturbed run to compare with")
	}
	return u.state, u.entries, u.run
}

// journal is that of the upgrade.
func (p *program) journal(t *testing.T) (*journal.Run, []apply.Entry) {
	t.Helper()
	run, entries, err := journal.Find(t.Context(), p.kube, p.system(), p.upgrade(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	return run, entries
}

// sound holds what must be true of a run that has ended, whatever happened to
// it.
func (p *program) sound(t *testing.T, want []string, state journal.State) {
	t.Helper()
	if diff := cmp.Diff(want, p.state(t)); diff != "" {
		t.Errorf("it came to another end than undisturbed:\n%s", diff)
	}
	run, entries := p.journal(t)
	if run.State != state {
		t.Errorf("the run is %s, want %s", run.State, state)
	}
	if n := p.jobs.count(t, p.kube, p.system()); n != 1 {
		t.Errorf("%d migration Jobs were made, want 1", n)
	}
	for _, name := range p.releases() {
		history, err := p.helm.History(t.Context(), name, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range history {
			if m.Pending() {
				t.Errorf("revision %d of %s was left %s", m.Revision, name, m.Status)
			}
			known := slices.ContainsFunc(entries, func(e apply.Entry) bool {
				return e.Kind == apply.Begun && helm.LabelValue(e.Step) == m.Labels[helm.LabelStep]
			})
			if m.Revision > 1 && (m.Labels[helm.LabelRun] != run.ID || !known) {
				t.Errorf("the journal knows nothing of revision %d of %s, made by step %q of run %q", m.Revision, name, m.Labels[helm.LabelStep], m.Labels[helm.LabelRun])
			}
		}
	}
	if t.Failed() {
		for _, e := range entries {
			t.Logf("%d %s %s %s %s", e.Epoch, e.Kind, e.Step, e.Address, e.Message)
		}
	}
}

func images(t corev1.PodTemplateSpec) string {
	var all []string
	for _, c := range slices.Concat(t.Spec.InitContainers, t.Spec.Containers) {
		all = append(all, c.Name+"="+c.Image)
	}
	return strings.Join(all, " ")
}
