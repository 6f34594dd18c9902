package realnode_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/soctalk/fleet/internal/sandbox"
	"github.com/soctalk/fleet/internal/sandbox/realnode"
	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
)

// TestBesideSimulatedNodes runs pods on both kinds of node, and then looks
// for what the real one leaves.
func TestBesideSimulatedNodes(t *testing.T) {
	realnodetest.Require(t)
	before := settings(t)
	cluster, err := sandbox.Start(t.Context(), sandbox.Options{Nodes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	node, err := realnode.Start(t.Context(), cluster, realnode.Options{Tainted: true})
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceValue(node.Stop)
	t.Cleanup(func() { _ = stop() }) // after a failure; the test stops it itself
	if _, err := realnode.Start(t.Context(), cluster, realnode.Options{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second node: %v", err)
	}
	client := clientOf(t, cluster)
	create(t, client, claim("real"), pod("real", true), claim("simulated"), pod("simulated", false))
	for name, want := range map[string]string{"real": realnode.Name, "simulated": "sandbox-1"} {
		if got := running(t, client, name); got != want {
			t.Errorf("pod %s runs on %s, want %s", name, got, want)
		}
	}
	t.Run("a volume goes with its claim", func(t *testing.T) { removeVolume(t, client) })

	left := tracesOf(node)
	if left.alive(t) == nil {
		t.Error("a running node has nothing that could be left")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := left.alive(t); err != nil {
		t.Errorf("after Stop: %v", err)
	}
	if groups := groupsOf(t, left.Cgroup); len(groups) > 0 {
		t.Errorf("control groups after Stop: %v", groups)
	}
	if _, err := os.Stat(left.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s after Stop: %v", left.Dir, err)
	}
	if after := settings(t); after != before {
		t.Errorf("the machine before:\n%s\nafter:\n%s", before, after)
	}
}

// crashEnv makes TestCrash start a node and then die without a chance to
// clean up.
const crashEnv = "SOCTALK_TEST_CRASH"

func TestCrash(t *testing.T) {
	realnodetest.Require(t)
	if os.Getenv(crashEnv) != "" {
		crash(t)
	}
	before := settings(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash$", "-test.v")
	cmd.Env = append(os.Environ(), crashEnv+"=1")
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var left traces
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if json.Unmarshal(lines.Bytes(), &left) != nil {
			t.Log(lines.Text())
		}
	}
	_ = cmd.Wait()
	if left == (traces{}) {
		t.Fatal("the node did not come up")
	}
	sandboxtest.Eventually(t, func(context.Context) error { return left.alive(t) })
	if after := settings(t); after != before {
		t.Errorf("the machine before:\n%s\nafter:\n%s", before, after)
	}
	sandboxtest.Eventually(t, func(context.Context) error {
		realnode.SweepCgroups()
		if groups := groupsOf(t, left.Cgroup); len(groups) > 0 {
			return fmt.Errorf("control groups after a sweep: %v", groups)
		}
		return nil
	})
}

func crash(t *testing.T) {
	cluster, err := sandbox.Start(t.Context(), sandbox.Options{Nodes: -1})
	if err != nil {
		t.Fatal(err)
	}
	node, err := realnode.Start(t.Context(), cluster, realnode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, cluster)
	create(t, client, claim("real"), pod("real", true))
	running(t, client, "real")
	if err := json.NewEncoder(os.Stdout).Encode(tracesOf(node)); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func clientOf(t *testing.T, cluster *sandbox.Cluster) kubernetes.Interface {
	t.Helper()
	config, err := cluster.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// claim is for a volume of a folder on the node of its pod.
func claim(name string) *corev1.PersistentVolumeClaim {
	class := "local-path"
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			},
		},
	}
}

// pod has a volume, and may ask for the real node.
func pod(name string, real bool) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "c", Image: images.PauseName,
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name},
			}}},
		},
	}
	if real {
		p.Spec.NodeSelector = realnode.NodeSelector()
		p.Spec.Tolerations = []corev1.Toleration{realnode.Toleration()}
	}
	return p
}

func create(t *testing.T, client kubernetes.Interface, objects ...metav1.Object) {
	t.Helper()
	for _, object := range objects {
		var err error
		switch object := object.(type) {
		case *corev1.PersistentVolumeClaim:
			_, err = client.CoreV1().PersistentVolumeClaims("default").Create(t.Context(), object, metav1.CreateOptions{})
		case *corev1.Pod:
			_, err = client.CoreV1().Pods("default").Create(t.Context(), object, metav1.CreateOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// running waits until a pod runs and returns its node.
func running(t *testing.T, client kubernetes.Interface, name string) (node string) {
	t.Helper()
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		got, err := client.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("pod %s is %s: %v", name, got.Status.Phase, got.Status.Conditions)
		}
		node = got.Spec.NodeName
		return nil
	})
	return node
}

func removeVolume(t *testing.T, client kubernetes.Interface) {
	claims, volumes := client.CoreV1().PersistentVolumeClaims("default"), client.CoreV1().PersistentVolumes()
	bound, err := claims.Get(t.Context(), "real", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	volume, err := volumes.Get(t.Context(), bound.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	folder := volume.Spec.HostPath.Path
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	// Another pod stays, so that the node still has something to stop.
	create(t, client, claim("second"), pod("second", true))
	running(t, client, "second")
	now := int64(0)
	if err := client.CoreV1().Pods("default").Delete(t.Context(), "real", metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	if err := claims.Delete(t.Context(), "real", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		if _, err := volumes.Get(ctx, volume.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("volume %s is still there: %v", volume.Name, err)
		}
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is still there: %v", folder, err)
		}
		return nil
	})
}

// settings describes what a node could change on this machine for everybody.
func settings(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, name := range []string{
		"kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom", "net/ipv4/ip_forward",
	} {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s = %s", name, value)
	}
	rules, err := exec.Command("iptables-save").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rules)) {
		if !strings.HasPrefix(line, "#") { // the time
			out.WriteString(line)
		}
	}
	return out.String()
}

// traces is where to look for what a node left.
type traces struct{ Cgroup, Link, Dir string }

func tracesOf(node *realnode.Node) traces {
	return traces{Cgroup: node.Cgroup(), Link: node.Link(), Dir: node.Dir()}
}

// alive returns what only a running node has, and nil when there is nothing.
func (l traces) alive(t *testing.T) error {
	t.Helper()
	if left := processes(t, l.Cgroup); len(left) > 0 {
		return fmt.Errorf("processes: %v", left)
	}
	if _, err := net.InterfaceByName(l.Link); err == nil {
		return fmt.Errorf("interface %s", l.Link)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if strings.Contains(string(mounts), l.Dir) {
		return fmt.Errorf("mounts of %s", l.Dir)
	}
	return nil
}

// groupsOf returns a control group and those below it, of all hierarchies.
func groupsOf(t *testing.T, cgroup string) []string {
	t.Helper()
	var groups []string
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		roots, err := filepath.Glob(pattern + cgroup)
		if err != nil {
			t.Fatal(err)
		}
		for _, root := range roots {
			_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					groups = append(groups, path)
				}
				return nil
			})
		}
	}
	return groups
}

// processes returns the processes of a control group and those below it.
func processes(t *testing.T, cgroup string) []string {
	t.Helper()
	var pids []string
	for _, group := range groupsOf(t, cgroup) {
		text, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		if err == nil {
			pids = append(pids, strings.Fields(string(text))...)
		}
	}
	return pids
}
