package releases

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestAPlanWithACacheIsThePlanWithout changes all that a plan is made from at
// random, back to what it was before too, and holds each plan that uses what
// earlier ones found against one that does not.
func TestAPlanWithACacheIsThePlanWithout(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	cache := w.cache()
	changes := w.changes(r)
	var made []string
	recalled := 0
	for range 40 {
		for range r.IntN(3) {
			c := changes[r.IntN(len(changes))]
			made = append(made, c.make())
		}
		known, with := w.planned(cache)
		_, without := w.planned(nil)
		if diff := cmp.Diff(textOf(t, without), textOf(t, with)); diff != "" {
			t.Fatalf("seed %d: after %q a plan from the cache is another one (-without +with):\n%s", seed, made, diff)
		}
		if known != nil {
			recalled++
		}
	}
	if recalled == 0 || recalled == 40 {
		t.Errorf("seed %d: %d of 40 plans were recalled: nothing was tried", seed, recalled)
	}
	t.Logf("seed %d: %d of 40 plans were recalled, over %d changes", seed, recalled, len(made))
}

func textOf(t *testing.T, o *plan.Outcome) string {
	t.Helper()
	text, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// change is one that may be made again and again; it tells what it did.
type change struct{ make func() string }

// changes are those of everything that a plan is made from. Few values are
// drawn from, so that each comes back.
func (w *world) changes(r *rand.Rand) []change {
	secrets := sandboxtest.Client(w).CoreV1().Secrets(w.namespace)
	check := func(err error) {
		w.Helper()
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
			w.Fatal(err)
		}
	}
	pick := func(what string, of ...string) (string, string) {
		v := of[r.IntN(len(of))]
		return v, what + " " + v
	}
	revision, accounts := 1, 0
	return []change{
		{func() string {
			v, did := pick("values", "one", "two", "three")
			w.write("values.yaml", "note: "+v+"\n")
			return did
		}},
		{func() string {
			v, did := pick("template", "", "  more: x\n", "  more: {{ .Values.note | sha256sum | quote }}\n")
			w.write("chart/templates/map.yaml", recallTemplate+v)
			return did
		}},
		{func() string {
			v, did := pick("default", "none", "some")
			w.write("chart/values.yaml", "note: "+v+"\n")
			return did
		}},
		{func() string {
			v, did := pick("rules", "1", "2")
			w.write("more.hcl", "rollout { max_parallel = "+v+" }\n")
			return did
		}},
		{func() string {
			v, did := pick("release fact", `["it breaks"]`, "[]")
			w.write("facts.hcl", "release \"1.0.0\" {\n  component = \"tenant\"\n  breaking = "+v+"\n}\n")
			return did
		}},
		{func() string {
			v, did := pick("accepted", "no-snapshot", "owner:flux")
			w.write("defaults.hcl", "tenant_defaults {\n  accept = [\""+v+"\"]\n}\n")
			return did
		}},
		{func() string {
			v, did := pick("looked-up Secret", "one", "two")
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "peer"}, StringData: map[string]string{"v": v}}
			_, err := secrets.Create(w.Context(), s, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				_, err = secrets.Update(w.Context(), s, metav1.UpdateOptions{})
			}
			check(err)
			return did
		}},
		{func() string {
			check(secrets.Delete(w.Context(), "peer", metav1.DeleteOptions{}))
			return "looked-up Secret gone"
		}},
		{func() string {
			accounts++
			a := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("more-%d", accounts)}}
			_, err := sandboxtest.Client(w).CoreV1().ServiceAccounts(w.namespace).Create(w.Context(), a, metav1.CreateOptions{})
			check(err)
			return "looked-up list longer"
		}},
		{func() string {
			revision++
			w.stands, _ = pick("", "old", "older", "one")
			w.stored(w.namespace, "a", revision)
			return "revision"
		}},
		// So a release looks on another cluster: the same name and revision, and
		// not the same object.
		{func() string {
			check(secrets.Delete(w.Context(), fmt.Sprintf("sh.helm.release.v1.a.v%d", revision), metav1.DeleteOptions{}))
			w.stands, _ = pick("", "old", "older", "one")
			w.stored(w.namespace, "a", revision)
			return "revision made anew"
		}},
		{func() string {
			name := fmt.Sprintf("sh.helm.release.v1.a.v%d", revision)
			s, err := secrets.Get(w.Context(), name, metav1.GetOptions{})
			check(err)
			s.Labels["edited"], _ = pick("", "one", "two")
			_, err = secrets.Update(w.Context(), s, metav1.UpdateOptions{})
			check(err)
			return "revision edited"
		}},
	}
}
