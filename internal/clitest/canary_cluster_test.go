package clitest

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

func kubeConfig(t testing.TB) (*kube.Cluster, error) {
	return kube.New(kube.Config{Kubeconfig: sandboxtest.Cluster(t).Kubeconfig})
}

func objects(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	all, err := helm.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
