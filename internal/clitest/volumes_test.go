package clitest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/internal/sandbox/velerotest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// snapshots lets the cluster take snapshots of volumes.
func snapshots(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(*testscript.TestScript, bool, []string) { sandboxtest.Snapshots(t) }
}

// snapshotResource is a client of one kind of what belongs to snapshots.
func snapshotResource(ts *testscript.TestScript, resource string) dynamic.NamespaceableResourceInterface {
	return dynamicClient(ts).Resource(schema.GroupVersionResource{Group: "snapshot.storage.k8s.io", Version: "v1", Resource: resource})
}

func dynamicClient(ts *testscript.TestScript) dynamic.Interface {
	config, err := clientcmd.BuildConfigFromFlags("", ts.Getenv("KUBECONFIG"))
	ts.Check(err)
	client, err := dynamic.NewForConfig(config)
	ts.Check(err)
	return client
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

// velero gives the cluster a stand-in for Velero.
func veleroCommand(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(*testscript.TestScript, bool, []string) { velerotest.Start(t) }
}

// behaves NAMESPACE HOW has Velero do otherwise than succeed for a namespace.
func behaves(ts *testscript.TestScript, _ bool, args []string) {
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	data := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, velerotest.Behaves, args[1])
	_, err = client.CoreV1().Namespaces().Patch(context.Background(), args[0], types.MergePatchType, []byte(data), metav1.PatchOptions{})
	ts.Check(err)
}

// boundClaims are the claims of a namespace once all of them have a volume.
func boundClaims(ts *testscript.TestScript, client kubernetes.Interface, namespace string) []corev1.PersistentVolumeClaim {
	var all []corev1.PersistentVolumeClaim
	err := wait.PollUntilContextTimeout(context.Background(), 100*time.Millisecond, 5*time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().PersistentVolumeClaims(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		all = list.Items
		for _, c := range all {
			if c.Status.Phase != corev1.ClaimBound {
				return false, nil
			}
		}
		return len(all) > 0, nil
	})
	ts.Check(err)
	return all
}

// holds is the annotation of a PersistentVolume that says what is on it.
const holds = "sandbox.soctalk.io/holds"

// write NAMESPACE TEXT writes a text on every volume of a namespace.
func writeVolumes(ts *testscript.TestScript, _ bool, args []string) {
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	for _, c := range boundClaims(ts, client, args[0]) {
		data := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, holds, args[1])
		_, err := client.CoreV1().PersistentVolumes().Patch(context.Background(), c.Spec.VolumeName, types.MergePatchType, []byte(data), metav1.PatchOptions{})
		ts.Check(err)
	}
}

// holds NAMESPACE lists what is on the volume of each claim, a line each.
func volumesHold(ts *testscript.TestScript, _ bool, args []string) {
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	for _, c := range boundClaims(ts, client, args[0]) {
		pv, err := client.CoreV1().PersistentVolumes().Get(context.Background(), c.Spec.VolumeName, metav1.GetOptions{})
		ts.Check(err)
		_, err = fmt.Fprintln(ts.Stdout(), c.Name, pv.Annotations[holds])
		ts.Check(err)
	}
}

// uids NAMESPACE lists which claims those of a namespace are, a line each.
func claimUIDs(ts *testscript.TestScript, _ bool, args []string) {
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	for _, c := range boundClaims(ts, client, args[0]) {
		_, err := fmt.Fprintln(ts.Stdout(), c.Name, c.UID, c.Spec.VolumeName)
		ts.Check(err)
	}
}

// vanish RESOURCE.VERSION.GROUP NAMESPACE SELECTOR deletes objects, as somebody
// does behind the program's back. @run in the selector is what file run holds.
func vanish(ts *testscript.TestScript, _ bool, args []string) {
	r, _ := schema.ParseResourceArg(args[0])
	if r == nil {
		r = &schema.GroupVersionResource{Version: "v1", Resource: args[0]}
	}
	selector := args[2]
	if strings.Contains(selector, "@run") {
		selector = strings.ReplaceAll(selector, "@run", strings.TrimSpace(ts.ReadFile("run")))
	}
	there := dynamicClient(ts).Resource(*r).Namespace(args[1])
	list, err := there.List(context.Background(), metav1.ListOptions{LabelSelector: selector})
	ts.Check(err)
	if len(list.Items) == 0 {
		ts.Fatalf("there is no %s with %s in namespace %s", args[0], selector, args[1])
	}
	for _, o := range list.Items {
		ts.Check(there.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{}))
	}
}
