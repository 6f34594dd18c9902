package snapshot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/faultproxy"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

const (
	within = 2 * time.Minute
	holds  = "sandbox.soctalk.io/holds"
)

// volumes is a release in a namespace of its own: a StatefulSet of two pods with
// a claim each, and beside it a claim that is none of the release's.
type volumes struct {
	client    kubernetes.Interface
	namespace string
	files     *schema.Fleet
	driver    Driver
	record    *plan.Snapshot
}

func newVolumes(t *testing.T) *volumes {
	t.Helper()
	sandboxtest.Snapshots(t)
	v := &volumes{client: sandboxtest.Client(t), namespace: sandboxtest.Namespace(t)}
	v.files = &schema.Fleet{Tenants: []*schema.Tenant{{Release: schema.Release{Address: "tenant.acme"}}}, System: &schema.System{}}
	v.driver = &csi{v.fleet(t, sandboxtest.Cluster(t).Kubeconfig)}
	v.record = &plan.Snapshot{ID: newID(), Address: "tenant.acme", Cluster: "main", Namespace: v.namespace, Release: "acme"}
	marks := map[string]string{"meta.helm.sh/release-name": "acme", "meta.helm.sh/release-namespace": v.namespace}
	labels := map[string]string{"app": "db"}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db", Annotations: marks},
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels}, PodManagementPolicy: appsv1.ParallelPodManagement,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "db", Image: "registry.test/db:1"}}},
			},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: claimOf("1Gi", nil)}},
		},
	}
	if _, err := v.client.AppsV1().StatefulSets(v.namespace).Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	v.claim(t, "others", claimOf("1Gi", nil), nil)
	v.write(t, "before")
	return v
}

func claimOf(size string, class *string) corev1.PersistentVolumeClaimSpec {
	return corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: class,
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}},
	}
}

func (v *volumes) claim(t *testing.T, name string, spec corev1.PersistentVolumeClaimSpec, annotations map[string]string) {
	t.Helper()
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}, Spec: spec}
	if _, err := v.client.CoreV1().PersistentVolumeClaims(v.namespace).Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// fleet is the one of the release, on a way of its own to the API server.
func (v *volumes) fleet(t *testing.T, kubeconfig string) *Fleet {
	t.Helper()
	k, err := kube.New(kube.Config{Kubeconfig: kubeconfig, QPS: 1000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return &Fleet{Files: v.files, Clusters: map[string]*kube.Cluster{"main": k}}
}

// bound are the namespace's claims by name, once all of them have a volume.
func (v *volumes) bound(t *testing.T) map[string]*corev1.PersistentVolumeClaim {
	t.Helper()
	all := map[string]*corev1.PersistentVolumeClaim{}
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		list, err := v.client.CoreV1().PersistentVolumeClaims(v.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(list.Items) != 3 {
			return fmt.Errorf("%d claims, want 3", len(list.Items))
		}
		for i := range list.Items {
			if list.Items[i].Status.Phase != corev1.ClaimBound {
				return fmt.Errorf("claim %s is %s", list.Items[i].Name, list.Items[i].Status.Phase)
			}
			all[list.Items[i].Name] = &list.Items[i]
		}
		return nil
	})
	return all
}

// write puts a text on every volume.
func (v *volumes) write(t *testing.T, text string) {
	t.Helper()
	for name, c := range v.bound(t) {
		data := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, holds, text+" on "+name)
		if _, err := v.client.CoreV1().PersistentVolumes().Patch(t.Context(), c.Spec.VolumeName, types.MergePatchType, []byte(data), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// read is what is on the volume of each claim.
func (v *volumes) read(t *testing.T) string {
	t.Helper()
	var all []string
	for _, c := range v.bound(t) {
		pv, err := v.client.CoreV1().PersistentVolumes().Get(t.Context(), c.Spec.VolumeName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pv.Annotations[holds])
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (v *volumes) take(t *testing.T, class string) error {
	t.Helper()
	return v.takeAs(t, &schema.Snapshot{Name: "volumes", Driver: "csi", Class: class}, within)
}

func (v *volumes) takeAs(t *testing.T, config *schema.Snapshot, within time.Duration) error {
	t.Helper()
	if err := v.driver.Check(t.Context(), config, v.record); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return v.driver.Take(ctx, &Attempt{Config: config, Record: v.record, Report: quiet()})
}

func quiet() apply.Report { return apply.Report{Status: func(string) {}, Log: func(string) {}} }

func (v *volumes) scale(t *testing.T, replicas int32) {
	t.Helper()
	data := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	if _, err := v.client.AppsV1().StatefulSets(v.namespace).Patch(t.Context(), "db", types.MergePatchType, []byte(data), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		pods, err := v.client.CoreV1().Pods(v.namespace).List(ctx, metav1.ListOptions{})
		if err == nil && len(pods.Items) != int(replicas) {
			err = fmt.Errorf("%d pods, want %d", len(pods.Items), replicas)
		}
		return err
	})
}

// aside counts the volumes that are kept for a restore.
func (v *volumes) aside(t *testing.T) int {
	t.Helper()
	list, err := v.client.CoreV1().PersistentVolumes().List(t.Context(), metav1.ListOptions{LabelSelector: labelAside + "=" + v.record.ID})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}

func TestVolumesThereAndBack(t *testing.T) {
	t.Parallel()
	v := newVolumes(t)
	if err := v.take(t, ""); err != nil {
		t.Fatal(err)
	}
	var claims []string
	for _, c := range v.record.Claims {
		claims = append(claims, c.Claim+" "+c.Class)
		if c.Size != 1<<30 || c.Content == "" {
			t.Errorf("the record says of claim %s: %+v", c.Claim, c)
		}
	}
	if got := strings.Join(claims, ", "); got != "data-db-0 sandbox-csi, data-db-1 sandbox-csi" || v.record.Taken == nil {
		t.Errorf("saved are %s at %v", got, v.record.Taken)
	}
	writers, err := v.driver.Writers(t.Context(), v.record)
	if want := (plan.Scaled{Kind: "StatefulSet", Namespace: v.namespace, Name: "db", Replicas: 2}); err != nil || len(writers) != 1 || writers[0] != want {
		t.Errorf("writers are %v, %v", writers, err)
	}
	for what, do := range map[string]func() error{
		"verify":   func() error { return v.driver.Verify(t.Context(), v.record) },
		"rehearse": func() error { return v.driver.Rehearse(t.Context(), v.record, quiet()) },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	v.write(t, "after")
	before := v.bound(t)

	if err := v.driver.Restore(t.Context(), v.record, quiet()); err == nil || !strings.Contains(err.Error(), "still used by pod db-") {
		t.Errorf("restored under a running pod: %v", err)
	}
	v.scale(t, 0)
	if err := v.driver.Restore(t.Context(), v.record, quiet()); err != nil {
		t.Fatal(err)
	}
	v.scale(t, 2)
	if got, want := v.read(t), "after on others, before on data-db-0, before on data-db-1"; got != want {
		t.Errorf("the volumes hold %q, want %q", got, want)
	}
	after := v.bound(t)
	for name := range before {
		if same := before[name].UID == after[name].UID; same != (name == "others") {
			t.Errorf("claim %s is the same one: %t", name, same)
		}
		if after[name].Annotations[annotationRestoring] != "" {
			t.Errorf("claim %s is still marked", name)
		}
	}
	if n := v.aside(t); n != 0 {
		t.Errorf("%d volumes are set aside", n)
	}
	for _, name := range []string{"data-db-0", "data-db-1"} {
		v.gone(t, before[name].Spec.VolumeName)
	}
	if err := v.driver.Delete(t.Context(), v.record); err != nil {
		t.Fatal(err)
	}
	if err := v.driver.Verify(t.Context(), v.record); err == nil || !strings.Contains(err.Error(), "of claim data-db-0 is gone") {
		t.Errorf("a deleted snapshot verifies: %v", err)
	}
	if err := v.driver.Delete(t.Context(), v.record); err != nil {
		t.Errorf("deleted again: %v", err)
	}
}

// gone waits until a volume is no more.
func (v *volumes) gone(t *testing.T, volume string) {
	t.Helper()
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		list, err := v.client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + volume})
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("volume %s is %s", volume, list.Items[0].Status.Phase)
		}
		return err
	})
}

// TestRestoreGoesOn ends a restore after each of its writes in turn, whose answer
// is lost, and does it again.
func TestRestoreGoesOn(t *testing.T) {
	t.Parallel()
	v := newVolumes(t)
	if err := v.take(t, ""); err != nil {
		t.Fatal(err)
	}
	v.scale(t, 0)
	cut := v.cutRestores(t, func(kubeconfig string) Driver { return &csi{v.fleet(t, kubeconfig)} })
	// Two claims: set aside, deleted, made, let go of, unmarked.
	if cut < 10 {
		t.Errorf("a restore makes %d writes, want 10 at least", cut)
	}
}

// cutRestores ends a restore after each of its writes in turn, and does it again;
// it returns how many writes there are.
func (v *volumes) cutRestores(t *testing.T, through func(kubeconfig string) Driver) int {
	t.Helper()
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	p := faultproxy.Start(t, config, faultproxy.Options{})
	cut := 0
	for ; ; cut++ {
		v.write(t, fmt.Sprintf("after %d", cut))
		ctx, cancel := context.WithCancelCause(t.Context())
		p.Clear()
		p.Add(faultproxy.Rule{Skip: cut, Match: writes, Fault: func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
			if ctx.Err() == nil {
				defer cancel(errors.New("killed"))
				faultproxy.Lost(w, r, forward)
			}
			faultproxy.Reset(w, r, forward)
		}})
		err := through(p.Kubeconfig).Restore(ctx, v.record, quiet())
		killed := ctx.Err() != nil
		cancel(nil)
		if err == nil && !killed {
			break
		}
		if err := v.driver.Restore(t.Context(), v.record, quiet()); err != nil {
			t.Fatalf("killed after write %d: %v", cut, err)
		}
		if got := v.read(t); !strings.HasSuffix(got, ", before on data-db-0, before on data-db-1") {
			t.Errorf("killed after write %d: the volumes hold %q", cut, got)
		}
		if n := v.aside(t); n != 0 {
			t.Errorf("killed after write %d: %d volumes are set aside", cut, n)
		}
	}
	return cut
}

func writes(r *http.Request) bool { return r.Method != http.MethodGet }

func TestVolumesThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	v := newVolumes(t)
	local := "local-path"
	v.claim(t, "static", corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &local, VolumeName: v.localVolume(t),
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}, map[string]string{"meta.helm.sh/release-name": "acme", "meta.helm.sh/release-namespace": v.namespace})
	if err := v.take(t, ""); err == nil || !strings.Contains(err.Error(), "static: no VolumeSnapshotClass is for driver rancher.io/local-path") {
		t.Errorf("got %v", err)
	}
	v.files.Tenants[0].Accept = schema.Acceptance{schema.NoSnapshotWord}
	if err := v.take(t, ""); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(v.record.Unsaved, " "); got != "static" || len(v.record.Claims) != 2 {
		t.Errorf("not saved are %q, saved %d", got, len(v.record.Claims))
	}
	if err := v.take(t, "none"); err == nil || !strings.Contains(err.Error(), "there is no VolumeSnapshotClass none") {
		t.Errorf("got %v", err)
	}
}

// localVolume is a volume of a small cluster, a folder.
func (v *volumes) localVolume(t *testing.T) string {
	t.Helper()
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "local-", Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": "rancher.io/local-path"}},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: "local-path", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/tmp"}},
		},
	}
	pv, err := v.client.CoreV1().PersistentVolumes().Create(t.Context(), pv, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pv.Name
}
