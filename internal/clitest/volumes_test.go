package clitest

import (
	"context"
	"fmt"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// snapshots lets the cluster take snapshots of volumes.
func snapshots(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(*testscript.TestScript, bool, []string) { sandboxtest.Snapshots(t) }
}

// snapshotResource is a client of one kind of what belongs to snapshots.
func snapshotResource(ts *testscript.TestScript, resource string) dynamic.NamespaceableResourceInterface {
	config, err := clientcmd.BuildConfigFromFlags("", ts.Getenv("KUBECONFIG"))
	ts.Check(err)
	client, err := dynamic.NewForConfig(config)
	ts.Check(err)
	return client.Resource(schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: resource})
}

// volumesnapshots NAMESPACE lists the claims that were saved, a line each, or none.
func volumeSnapshots(ts *testscript.TestScript, _ bool, args []string) {
	list, err := snapshotResource(ts, "volumesnapshots").Namespace(args[0]).List(context.Background(), metav1.ListOptions{})
	ts.Check(err)
	if len(list.Items) == 0 {
		_, err := fmt.Fprintln(ts.Stdout(), "none")
		ts.Check(err)
	}
	for _, o := range list.Items {
		claim, _, _ := unstructured.NestedString(o.Object, "spec", "source", "persistentVolumeClaimName")
		state := "torn"
		if ready, _, _ := unstructured.NestedBool(o.Object, "status", "readyToUse"); ready {
			state = "ready"
		}
		_, err := fmt.Fprintln(ts.Stdout(), claim, state)
		ts.Check(err)
	}
}

// failing NAME WHY makes a VolumeSnapshotClass whose snapshots fail.
func failingClass(ts *testscript.TestScript, _ bool, args []string) {
	class := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass", "metadata": map[string]any{"name": args[0]},
		"driver": "csi.sandbox.soctalk.io", "deletionPolicy": "Delete", "parameters": map[string]any{"fail": args[1]},
	}}
	_, err := snapshotResource(ts, "volumesnapshotclasses").Create(context.Background(), class, metav1.CreateOptions{})
	ts.Check(err)
}
