package releases

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/internal/chart"
	"github.com/soctalk/fleet/internal/observe"
	"github.com/soctalk/fleet/internal/plancache"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	hchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

const recallFleet = `
cluster "here" { kubeconfig = %q }
compatibility { unlisted = "allow" }
system {
  cluster   = cluster.here
  namespace = %[3]q
  release   = "system"
  chart     = "./chart"
  version   = "1.0.0"
}
tenant "a" {
  cluster   = cluster.here
  namespace = %[2]q
  release   = "a"
  chart     = "./chart"
  version   = "1.0.0"
  values    = [file("values.yaml")]
}
`

const recallTemplate = `
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  note: {{ .Values.note }}
  peer: {{ (lookup "v1" "Secret" .Release.Namespace "peer").data | toJson | quote }}
  accounts: {{ len (lookup "v1" "ServiceAccount" .Release.Namespace "").items | quote }}
  random: {{ randAlpha 8 }}
`

// world is a fleet of a system and a tenant, one version behind its files.
type world struct {
	*testing.T
	// namespace is the tenant's, home the system's.
	dir, namespace, home string
	// stands is what the next stored revision holds.
	stands string
}

func newWorld(t *testing.T) *world {
	w := &world{t, t.TempDir(), sandboxtest.Namespace(t), sandboxtest.Namespace(t), "old"}
	w.write("fleet.hcl", fmt.Sprintf(recallFleet, sandboxtest.Cluster(t).Kubeconfig, w.namespace, w.home))
	w.write("values.yaml", "note: one\n")
	w.write("chart/Chart.yaml", "apiVersion: v2\nname: small\nversion: 1.0.0\n")
	w.write("chart/values.yaml", "note: none\n")
	w.write("chart/templates/map.yaml", recallTemplate)
	w.stored(w.home, "system", 1)
	w.stored(w.namespace, "a", 1)
	// The template counts accounts, and a namespace's own is made after it.
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		_, err := sandboxtest.Client(t).CoreV1().ServiceAccounts(w.namespace).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	return w
}

func (w *world) write(name, text string) {
	w.Helper()
	file := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *world) stored(namespace, name string, revision int) {
	w.Helper()
	storage := driver.NewSecrets(sandboxtest.Client(w).CoreV1().Secrets(namespace))
	err := storage.Create(fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, revision), &release.Release{
		Name: name, Namespace: namespace, Version: revision, Info: &release.Info{Status: release.StatusDeployed, LastDeployed: helmtime.Now()},
		Chart:    &hchart.Chart{Metadata: &hchart.Metadata{APIVersion: "v2", Name: "small", Version: "0.9.0"}},
		Manifest: "---\n# Source: small/templates/map.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {note: " + w.stands + "}\n",
	})
	if err != nil {
		w.Fatal(err)
	}
}

// drafted is one plan, from the files on, as far as nothing is rendered.
func (w *world) drafted(cache *plancache.Cache) (*Set, *plan.Draft) {
	w.Helper()
	ctx := w.Context()
	f, diags := schema.Load(w.dir, schema.Options{})
	if diags.HasErrors() {
		w.Fatal(diags)
	}
	clusters, err := observe.Connect(ctx, f, "test")
	if err != nil {
		w.Fatal(err)
	}
	clusters["here"].Memory = cache
	live, err := observe.Observe(ctx, f, clusters, 2)
	if err != nil {
		w.Fatal(err)
	}
	charts, err := chart.NewResolver(chart.Options{CacheDir: w.TempDir()})
	if err != nil {
		w.Fatal(err)
	}
	key, err := plan.NewKey([]byte("material"))
	if err != nil {
		w.Fatal(err)
	}
	s := New(f, clusters, charts, live, key)
	s.Remember(cache)
	draft := plan.Route(f, live.Observation, s.Prepare(ctx, 2), nil)
	for _, m := range draft.Moves {
		if len(m.Hops) == 0 {
			w.Fatalf("%s does not move", m.Release.Address)
		}
	}
	return s, draft
}

// planned goes on to the tenant's outcome.
func (w *world) planned(cache *plancache.Cache) (recalled, compared *plan.Outcome) {
	w.Helper()
	ctx := w.Context()
	s, draft := w.drafted(cache)
	known, _ := s.recall(ctx, draft.Moves)
	outcomes, problems := s.Compare(ctx, draft, 2)
	if len(problems) > 0 || outcomes["tenant.a"] == nil {
		w.Fatalf("%+v", problems)
	}
	return known["tenant.a"], outcomes["tenant.a"]
}

func (w *world) cache() *plancache.Cache {
	c, err := plancache.Open(filepath.Join(w.TempDir(), "cache"), make([]byte, 32), "test")
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// settled plans until nothing is new. What the cluster offers may change by
// the hand of other tests.
func (w *world) settled(cache *plancache.Cache) *plan.Outcome {
	w.Helper()
	for range 20 {
		if known, _ := w.planned(cache); known != nil {
			return known
		}
	}
	w.Fatal("an unchanged release is compared anew again and again")
	return nil
}

func TestRecalledIsWhatWouldBeFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recalled := w.settled(w.cache())
	_, compared := w.planned(nil)
	var texts [2]string
	for i, o := range []*plan.Outcome{recalled, compared} {
		text, err := json.MarshalIndent(o, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if diff := cmp.Diff(texts[1], texts[0]); diff != "" {
		t.Error(diff)
	}
}

func TestNothingStaleIsRecalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	core := sandboxtest.Client(t).CoreV1()
	secrets := core.Secrets(w.namespace)
	secret := func(name, value string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"v": value}}
	}
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	definitions := dynamic.NewForConfigOrDie(config).Resource(kschema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	group := w.namespace + ".example.com"
	t.Cleanup(func() { _ = definitions.Delete(t.Context(), "things."+group, metav1.DeleteOptions{}) })

	cache := w.cache()
	for _, change := range []struct {
		name string
		make func() error
	}{
		{"a Secret that is looked up appears", func() error {
			_, err := secrets.Create(ctx, secret("peer", "one"), metav1.CreateOptions{})
			return err
		}},
		{"a Secret that is looked up changes", func() error {
			_, err := secrets.Update(ctx, secret("peer", "two"), metav1.UpdateOptions{})
			return err
		}},
		{"a Secret that is looked up goes", func() error { return secrets.Delete(ctx, "peer", metav1.DeleteOptions{}) }},
		{"a list that is looked up gets longer", func() error {
			_, err := core.ServiceAccounts(w.namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "more"}}, metav1.CreateOptions{})
			return err
		}},
		{"the release gets a revision", func() error { w.stored(w.namespace, "a", 2); return nil }},
		{"the stored revision is edited", func() error {
			s, err := secrets.Get(ctx, "sh.helm.release.v1.a.v2", metav1.GetOptions{})
			if err != nil {
				return err
			}
			s.Labels["edited"] = "yes"
			_, err = secrets.Update(ctx, s, metav1.UpdateOptions{})
			return err
		}},
		{"the system gets a revision", func() error { w.stored(w.home, "system", 2); return nil }},
		{"the values change", func() error { w.write("values.yaml", "note: two\n"); return nil }},
		{"the chart changes", func() error {
			w.write("chart/templates/map.yaml", recallTemplate+"  more: x\n")
			return nil
		}},
		{"the chart's defaults change", func() error { w.write("chart/values.yaml", "note: some\n"); return nil }},
		{"the rules change", func() error { w.write("more.hcl", "rollout { max_parallel = 2 }\n"); return nil }},
		{"the cluster learns a kind", func() error {
			_, err := definitions.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "things." + group},
				"spec": map[string]any{
					"group": group, "scope": "Namespaced", "names": map[string]any{"plural": "things", "kind": "Thing"},
					"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}}}},
				},
			}}, metav1.CreateOptions{})
			if err == nil {
				sandboxtest.Eventually(t, func(context.Context) error {
					_, err := sandboxtest.Client(t).Discovery().ServerResourcesForGroupVersion(group + "/v1")
					return err
				})
			}
			return err
		}},
	} {
		w.settled(cache)
		if err := change.make(); err != nil {
			t.Fatalf("%s: %v", change.name, err)
		}
		if known, _ := w.planned(cache); known != nil {
			t.Errorf("%s, and the old outcome was recalled", change.name)
		}
	}
}

func TestWhatIsNotLookedUpDoesNotMatter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cache := w.cache()
	for i := range 20 {
		w.settled(cache)
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("other-%d", i)}}
		if _, err := sandboxtest.Client(t).CoreV1().Secrets(w.namespace).Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if known, _ := w.planned(cache); known != nil {
			return
		}
	}
	t.Error("a Secret that no template asks for makes the plan forget")
}
