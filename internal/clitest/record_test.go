package clitest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/announce"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// events NAMESPACE FILE writes the program's Events there into a file, as
// kubectl get events reads them, oldest first.
func events(ts *testscript.TestScript, _ bool, args []string) {
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	list, err := eventsIn(client, args[0])
	ts.Check(err)
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s %s %s/%s %s\n", e.Type, e.Reason, e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o600))
}

func eventsIn(client kubernetes.Interface, namespace string) ([]corev1.Event, error) {
	list, err := client.CoreV1().Events(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(list.Items, func(e corev1.Event) bool { return e.ReportingController != announce.Controller })
	slices.SortFunc(own, func(a, b corev1.Event) int { return a.EventTime.Time.Compare(b.EventTime.Time) })
	return own, nil
}

// audit NAMESPACE FILE writes the records of all runs into a file, as kubectl
// get configmaps -l soctalk.io/journal=run reads them, oldest first.
func audit(ts *testscript.TestScript, _ bool, args []string) {
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	list, err := client.CoreV1().ConfigMaps(args[0]).List(context.Background(), metav1.ListOptions{LabelSelector: "soctalk.io/journal=run"})
	ts.Check(err)
	var b strings.Builder
	for _, c := range list.Items {
		b.WriteString(c.Data["audit"] + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o600))
}

// kept looks through all that runs keep and announce in the cluster.
func (f *canaryFleet) kept(t *testing.T) {
	t.Helper()
	client := sandboxtest.Client(t)
	records, told := 0, 0
	for _, namespace := range []string{"sys-" + f.id, "tenant-acme-" + f.id, "tenant-kept-" + f.id} {
		maps, err := client.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "soctalk.io/journal"})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range maps.Items {
			records++
			for key, text := range c.Data {
				f.look(fmt.Sprintf("ConfigMap %s/%s, %s", namespace, c.Name, key), text)
			}
		}
		list, err := eventsIn(client, namespace)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			told++
			f.look(fmt.Sprintf("Event %s/%s", namespace, e.Reason), e.Message)
		}
	}
	if records == 0 || told == 0 {
		t.Errorf("%d records and %d Events were looked through", records, told)
	}
}
