package helm_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func TestList(t *testing.T) {
	t.Parallel()
	ns, other := sandboxtest.Namespace(t), sandboxtest.Namespace(t)
	r, c := record(t)
	ch := load(t, small)
	for _, s := range []struct {
		namespace, name string
		statuses        []release.Status
	}{
		{ns, "a", []release.Status{release.StatusSuperseded, release.StatusSuperseded, release.StatusDeployed}},
		{ns, "b", []release.Status{release.StatusDeployed, release.StatusFailed}},
		{other, "a", []release.Status{release.StatusPendingInstall}},
	} {
		config := helmsOwn(t, s.namespace)
		for i, status := range s.statuses {
			storeRevision(t, config, helm.Target{Namespace: s.namespace, Name: s.name, Chart: ch}, i+1, status)
		}
	}
	// A Secret that only looks like a release.
	_, k, _ := connect(t)
	_, err := k.Typed().CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name: "fake", Labels: map[string]string{"owner": "helm", "name": "fake", "version": "1", "status": "deployed"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.take()
	all, err := c.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, m := range all {
		if m.Namespace == ns || m.Namespace == other {
			got[fmt.Sprintf("%t %s %d %s", m.Namespace == ns, m.Name, m.Revision, m.Status)] = true
			if m.Modified.IsZero() {
				t.Errorf("%+v has no time", m)
			}
		}
	}
	for _, want := range []string{"true a 3 deployed", "true b 2 failed", "false a 1 pending-install"} {
		if !got[want] {
			t.Errorf("no %s in %v", want, got)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if requests := r.take(); len(requests) != 1 {
		t.Errorf("got %v", requests)
	}
	one, err := c.Get(t.Context(), ns, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	if one.Revision != 3 || one.Config["old"] != true || one.BodyDigest == "" || one.ChartVersion != "1.0.0" {
		t.Errorf("got %+v", one)
	}
	if requests := r.take(); len(requests) != 2 {
		t.Errorf("got %v", requests)
	}
}

func TestGetWhatIsNotThere(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	storeRevision(t, helmsOwn(t, ns), helm.Target{Namespace: ns, Name: "a", Chart: load(t, small)}, 1, release.StatusDeployed)
	for _, test := range []struct {
		name     string
		revision int
		want     string
	}{{"b", 0, "release " + ns + "/b does not exist"}, {"a", 7, "has no revision 7"}} {
		_, err := c.Get(t.Context(), ns, test.name, test.revision)
		var gone *helm.NotFoundError
		if !errors.As(err, &gone) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v", err)
		}
	}
}

func TestDamagedReleases(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	packed := func(text string) []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return []byte(base64.StdEncoding.EncodeToString(b.Bytes()))
	}
	bomb := packed(`{"name":"` + strings.Repeat("a", 33<<20) + `"}`)
	whole := packed(`{"name":"x","info":{},"chart":{"metadata":{}}}`)
	for name, test := range map[string]struct {
		body []byte
		want string
	}{
		"empty":     {nil, "not the JSON"},
		"nobase64":  {[]byte("%%%"), "not base64"},
		"nojson":    {packed("canary"), "not the JSON"},
		"truncated": {whole[:40], "cannot be decompressed"},
		"lacking":   {packed(`{"name":"x"}`), "lacks"},
		"bomb":      {bomb, "larger than 32 MiB"},
	} {
		_, err := k.Typed().CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Name:   "sh.helm.release.v1." + name + ".v1",
				Labels: map[string]string{"owner": "helm", "name": name, "version": "1", "status": "deployed"},
			},
			Type: "helm.sh/release.v1", Data: map[string][]byte{"release": test.body},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Get(t.Context(), ns, name, 0)
		var corrupt *helm.CorruptError
		if !errors.As(err, &corrupt) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	target := helm.Target{Namespace: ns, Name: "truncated", Chart: load(t, small), Base: &helm.Release{Meta: helm.Meta{Revision: 1, Status: "deployed"}}}
	target.Base.BodyDigest = "sha256:" + fmt.Sprintf("%x", sha256.Sum256(whole[:40]))
	var corrupt *helm.CorruptError
	if _, err := c.Apply(t.Context(), target, helm.ApplyOptions{}); !errors.As(err, &corrupt) {
		t.Errorf("got %v", err)
	}
	if _, err := c.List(t.Context()); err != nil {
		t.Errorf("a damaged release hides the others: %v", err)
	}
}
