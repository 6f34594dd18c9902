package check_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/check"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/internal/sandbox/soctalktest"
	"github.com/soctalk/fleet/schema"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// asker asks about the tenant, again and again in one run.
type asker struct {
	*check.Set
	t *testing.T
}

func (a asker) ask(name string, since time.Duration) apply.Answer {
	a.t.Helper()
	return a.Probe(a.t.Context(), apply.Question{Check: name, Address: "tenant.acme", Since: since, Within: within})
}

func keepLogin(t *testing.T, namespace, password string) {
	t.Helper()
	client := sandboxtest.Client(t)
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err == nil {
		t.Cleanup(func() {
			_ = client.CoreV1().Namespaces().Delete(context.Background(), namespace, metav1.DeleteOptions{})
		})
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "checks-login"}, StringData: map[string]string{"email": "checks@example.com", "password": password}}
	secrets := client.CoreV1().Secrets(namespace)
	_, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
	if err != nil {
		_, err = secrets.Create(t.Context(), secret, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	namespace, c := sandboxtest.Namespace(t), sandboxed(t)
	s := &soctalktest.API{Slugs: []string{"acme"}, Password: "c4n4ry-of-checks", Sessions: map[string]int{}, State: "active", Profile: "poc"}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	api := fmt.Sprintf("api {\nurl = %q\norigin = \"https://soctalk.example.com\"\nlogin_secret { name = \"checks-login\" }\n}", server.URL)
	f := load(t, namespace, api, "check.soctalk_heartbeat", "")
	set := check.New(f, map[string]*kube.Cluster{schema.DefaultCluster: c}, nil, "run-1", nil)
	defer set.Close()
	a := asker{set, t}
	const name = "soctalk_heartbeat"

	holds(t, "no Secret", a.ask(name, time.Hour), false, "log in with Secret sys-"+namespace+"/checks-login", "it does not exist")
	keepLogin(t, "sys-"+namespace, "c4n4ry-of-yesterday")
	for range 3 {
		holds(t, "refused", a.ask(name, time.Hour), false, "SocTalk does not take it")
	}
	if s.Logins != 1 {
		t.Errorf("a login that was refused was tried %d times, which locks the account", s.Logins)
	}
	keepLogin(t, "sys-"+namespace, "c4n4ry-of-checks")
	holds(t, "none yet", a.ask(name, time.Hour), false, "SocTalk has seen no heartbeat")

	said := func(what string, since time.Duration, ok bool, parts ...string) {
		t.Helper()
		holds(t, what, a.ask(name, since), ok, parts...)
	}
	s.Set(func() { s.Beat = time.Now().Add(-time.Minute) })
	said("older than the upgrade", 30*time.Second, false, "the last heartbeat was 1m", "and the upgrade 30s ago")
	said("newer", 90*time.Second, true, "the last heartbeat was 1m")
	s.Set(func() { s.Beat = time.Now().Add(-10 * time.Minute) })
	said("silent since", time.Hour, false, "expected at most 3m0s")
	before := s.Logins
	s.Set(func() { clear(s.Sessions); s.Beat = time.Now() })
	said("a session that expired", time.Hour, true)
	if s.Logins != before+1 {
		t.Errorf("logged in %d times, want once", s.Logins-before)
	}
	for state, profile := range map[string]string{"suspended": "poc", "degraded": "persistent", "archived": "poc", "active": "legacy"} {
		s.Set(func() { s.State, s.Profile, s.Beat = state, profile, time.Time{} })
		said(state+" "+profile, time.Hour, true, "not asked")
	}
	s.Set(func() { s.State, s.Profile = "active", "provided" })
	said("provided", time.Hour, false, "SocTalk has seen no heartbeat")
	server.Close()
	said("down", time.Hour, false, "SocTalk's API: ")
}

func TestImages(t *testing.T) {
	t.Parallel()
	namespace, c := sandboxtest.Namespace(t), sandboxed(t)
	manifest := `
apiVersion: apps/v1
kind: Deployment
metadata: {name: adapter, namespace: ` + namespace + `}
spec:
  replicas: 2
  selector: {matchLabels: {app: adapter}}
  template:
    metadata: {labels: {app: adapter}}
    spec: {containers: [{name: main, image: "registry.example.com/adapter:1.2.3"}]}
`
	rendered := manifest
	objects := func(context.Context, *schema.Release) ([]*unstructured.Unstructured, error) {
		return helm.ParseManifest(rendered)
	}
	f := load(t, namespace, "", "check.soctalk_images", "")
	set := check.New(f, map[string]*kube.Cluster{schema.DefaultCluster: c}, objects, "run-1", nil)
	defer set.Close()
	a := asker{set, t}
	const name = "soctalk_images"

	holds(t, "no pods", a.ask(name, 0), false, "Deployment adapter has no pod")
	parsed, err := helm.ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(t.Context(), parsed[0], "test"); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, func(context.Context) error {
		if found := a.ask(name, 0); !found.OK {
			return fmt.Errorf("%s", found.Found)
		}
		return nil
	})
	holds(t, "running", a.ask(name, 0), true, "2 containers run 1 images as rendered")
	pods, err := sandboxtest.Client(t).CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 2 {
		t.Fatalf("%d pods, %v", len(pods.Items), err)
	}

	rendered = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	holds(t, "nothing to look at", a.ask(name, 0), false, "no container was found to look at")
	rendered = strings.ReplaceAll(manifest, "adapter:1.2.3", "adapter:1.3.0")
	holds(t, "another image", a.ask(name, 0), false, "is made of registry.example.com/adapter:1.2.3, rendered is registry.example.com/adapter:1.3.0")
	rendered = manifest
	moved := pods.Items[0]
	moved.Status.ContainerStatuses[0].ImageID = "registry.example.com/adapter@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	if _, err := sandboxtest.Client(t).CoreV1().Pods(namespace).UpdateStatus(t.Context(), &moved, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	holds(t, "a tag that was moved", a.ask(name, 0), false, "the tag was moved")
	label := []byte(`{"metadata": {"labels": {"soctalk.io/profile": "legacy"}}}`)
	if _, err := sandboxtest.Client(t).CoreV1().Namespaces().Patch(t.Context(), namespace, "application/merge-patch+json", label, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	holds(t, "legacy", a.ask(name, 0), true, "not asked: its profile is legacy")
}
