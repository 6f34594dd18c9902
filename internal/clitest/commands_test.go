package clitest

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/journal"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/yaml"
)

// configuration is Helm's own, made as its command line does.
func configuration(ts *testscript.TestScript, namespace string) *action.Configuration {
	flags := genericclioptions.NewConfigFlags(false)
	kubeconfig := ts.Getenv("KUBECONFIG")
	flags.KubeConfig, flags.Namespace = &kubeconfig, &namespace
	c := new(action.Configuration)
	ts.Check(c.Init(flags, namespace, "secret", func(string, ...any) {}))
	return c
}

// live NAMESPACE/RELEASE 'VERSION STATUS REVISION' asks Helm what is live.
func live(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: live namespace/release 'version status revision' | none")
	}
	namespace, name, _ := strings.Cut(args[0], "/")
	got := "none"
	if r := newest(ts, namespace, name); r != nil {
		got = fmt.Sprintf("%s %s %d", r.Chart.Metadata.Version, r.Info.Status, r.Version)
	}
	if got != args[1] {
		ts.Fatalf("%s is live as %q, want %q", args[0], got, args[1])
	}
}

func newest(ts *testscript.TestScript, namespace, name string) *release.Release {
	list, err := configuration(ts, namespace).Releases.History(name)
	if err != nil || len(list) == 0 {
		return nil
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Version > list[j].Version })
	return list[0]
}

// claims NAMESPACE lists the volume claims of a namespace, a line each.
func claims(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: claims namespace")
	}
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	list, err := client.CoreV1().PersistentVolumeClaims(args[0]).List(context.Background(), metav1.ListOptions{})
	ts.Check(err)
	for _, c := range list.Items {
		_, err := fmt.Fprintln(ts.Stdout(), c.Name)
		ts.Check(err)
	}
}

// helm-install NAMESPACE/RELEASE CHART VERSION VALUES installs an example chart
// with the values of a file, as Helm's users do.
func helmInstall(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: helm-install namespace/release chart version values.yaml")
	}
	namespace, name, _ := strings.Cut(args[0], "/")
	chart, err := loader.Load(filepath.Join(examples, "charts", args[1], args[2]))
	ts.Check(err)
	values := map[string]any{}
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(args[3])), &values))
	in := action.NewInstall(configuration(ts, namespace))
	in.Namespace, in.ReleaseName, in.CreateNamespace, in.Wait, in.Timeout = namespace, name, true, true, 5*time.Minute
	_, err = in.Run(chart, values)
	ts.Check(err)
}

// patch NAMESPACE/DEPLOYMENT JSON changes a Deployment by hand.
func patch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: patch namespace/deployment json")
	}
	namespace, name, _ := strings.Cut(args[0], "/")
	client, err := configuration(ts, namespace).KubernetesClientSet()
	ts.Check(err)
	_, err = client.AppsV1().Deployments(namespace).Patch(context.Background(), name, types.StrategicMergePatchType, []byte(args[1]), metav1.PatchOptions{FieldManager: "by-hand"})
	ts.Check(err)
}

// upgrade NAMESPACE/RELEASE makes a new revision behind the program's back.
func upgradeByHand(ts *testscript.TestScript, _ bool, args []string) {
	namespace, name, _ := strings.Cut(args[0], "/")
	r := newest(ts, namespace, name)
	u := action.NewUpgrade(configuration(ts, namespace))
	u.Namespace = namespace
	_, err := u.Run(name, r.Chart, r.Config)
	ts.Check(err)
}

// exits CODE COMMAND… runs a command that must end with the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// order TEXT… says that the texts stand in standard output in this order.
func order(ts *testscript.TestScript, _ bool, args []string) {
	out := ts.ReadFile("stdout")
	for _, text := range args {
		i := strings.Index(out, text)
		if i < 0 {
			ts.Fatalf("no %q in what is left of standard output:\n%s", text, out)
		}
		out = out[i+len(text):]
	}
}

// keep NAMESPACE/SECRET remembers a Secret's data, and fails when it is not
// what it was the last time.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	namespace, name, _ := strings.Cut(args[0], "/")
	client, err := configuration(ts, namespace).KubernetesClientSet()
	ts.Check(err)
	s, err := client.CoreV1().Secrets(namespace).Get(context.Background(), name, metav1.GetOptions{})
	ts.Check(err)
	got := fmt.Sprint(s.Data)
	key := "KEEP_" + args[0]
	if was := ts.Getenv(key); was != "" && was != got {
		ts.Fatalf("Secret %s has other data than before", args[0])
	}
	ts.Setenv(key, got)
}

// hold NAMESPACE RUN takes the fleet's lock as another program would.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	client, err := configuration(ts, args[0]).KubernetesClientSet()
	ts.Check(err)
	leases := client.CoordinationV1().Leases(args[0])
	l, err := leases.Get(context.Background(), journal.LeaseName, metav1.GetOptions{})
	ts.Check(err)
	who, now, seconds := args[1]+" some body@elsewhere nonce", metav1.NowMicro(), int32(15)
	l.Spec.HolderIdentity, l.Spec.AcquireTime, l.Spec.RenewTime, l.Spec.LeaseDurationSeconds = &who, &now, &now, &seconds
	_, err = leases.Update(context.Background(), l, metav1.UpdateOptions{})
	ts.Check(err)
}
