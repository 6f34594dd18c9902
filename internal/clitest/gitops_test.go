package clitest

import (
	"context"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// manifest FILE applies objects, as soon as the API server knows their kinds; $ID
// stands for the script's.
func manifest(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "$ID", ts.Getenv("ID"))
	for _, doc := range strings.Split(text, "\n---\n") {
		u := &unstructured.Unstructured{}
		ts.Check(yaml.Unmarshal([]byte(doc), &u.Object))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for {
			k, err := kube.New(kube.Config{Kubeconfig: ts.Getenv("KUBECONFIG")})
			ts.Check(err)
			if err = k.Apply(ctx, u, "test"); err == nil {
				break
			}
			select {
			case <-ctx.Done():
				ts.Fatalf("%s: %v", args[0], err)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}

// helm-forget NAMESPACE/RELEASE takes a release's history away and leaves its
// objects, as if another tool had applied what Helm renders.
func helmForget(ts *testscript.TestScript, _ bool, args []string) {
	namespace, name, _ := strings.Cut(args[0], "/")
	releases := configuration(ts, namespace).Releases
	for r := newest(ts, namespace, name); r != nil; r = newest(ts, namespace, name) {
		_, err := releases.Delete(name, r.Version)
		ts.Check(err)
	}
}
