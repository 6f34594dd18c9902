package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

func resourceOf(t *testing.T, o Object, namespace string) (dynamic.ResourceInterface, *unstructured.Unstructured) {
	t.Helper()
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: o}
	plural, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	if clusterScoped[u.GetKind()] {
		return client.Resource(plural), u
	}
	return client.Resource(plural).Namespace(namespace), u
}

// TestImmutableFieldsAreKubernetesOwn holds what the planner calls refused
// against what a real API server refuses of the patch that Helm would send.
func TestImmutableFieldsAreKubernetesOwn(t *testing.T) {
	t.Parallel()
	pod := "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: x}]}}"
	workload := func(kind, spec string) string {
		return "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: x}\nspec: {selector: {matchLabels: {a: b}}, " + pod + spec + "}"
	}
	claims := ", serviceName: s, volumeClaimTemplates: [{metadata: {name: d, labels: {helm.sh/chart: c-1}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]"
	job := "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec: {template: {metadata: {labels: {helm.sh/chart: c-1}}, spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}}"
	claim := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: x}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {clusterIP: None, ports: [{port: 80}]}"
	config := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nimmutable: true\ndata: {a: b}"
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ntype: Opaque\nstringData: {a: b}"
	binding := "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: s}]"
	for name, c := range map[string]struct {
		before, from, to string
		refused          bool
	}{
		"deployment selector":            {workload("Deployment", ""), "a: b", "a: c", true},
		"deployment image":               {workload("Deployment", ""), "image: x", "image: z", false},
		"daemonset selector":             {workload("DaemonSet", ""), "a: b", "a: c", true},
		"set claims":                     {workload("StatefulSet", claims), "1Gi", "2Gi", true},
		"set claims in other words":      {workload("StatefulSet", claims), "1Gi", "1024Mi", false},
		"set claims' chart label":        {workload("StatefulSet", claims), "c-1", "c-2", true},
		"set claims' volume mode":        {workload("StatefulSet", claims), "accessModes", "volumeMode: Filesystem, accessModes", false},
		"set claims' access":             {workload("StatefulSet", claims), "ReadWriteOnce", "ReadOnlyMany", true},
		"set service":                    {workload("StatefulSet", claims), "serviceName: s", "serviceName: t", true},
		"set management":                 {workload("StatefulSet", claims), "serviceName: s", "serviceName: s, podManagementPolicy: Parallel", true},
		"set management by default":      {workload("StatefulSet", claims), "serviceName: s", "serviceName: s, podManagementPolicy: OrderedReady", false},
		"set replicas and more":          {workload("StatefulSet", claims), "serviceName: s", "serviceName: s, replicas: 3, minReadySeconds: 1, revisionHistoryLimit: 3, updateStrategy: {rollingUpdate: {partition: 1}}, persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}", false},
		"set image":                      {workload("StatefulSet", claims), "image: x", "image: z", false},
		"job image":                      {job, "image: x", "image: z", true},
		"job chart label":                {job, "c-1", "c-2", true},
		"job deadline":                   {job, "spec: {template", "spec: {activeDeadlineSeconds: 60, template", false},
		"job completions":                {job, "spec: {template", "spec: {completions: 2, template", true},
		"claim shrinks":                  {claim, "1Gi", "512Mi", true},
		"claim access":                   {claim, "ReadWriteOnce", "ReadOnlyMany", true},
		"service address":                {service, "None", "10.0.0.77", true},
		"service address no more":        {service, "clusterIP: None, ", "", false},
		"service to external":            {service, "clusterIP: None, ports: [{port: 80}]", "type: ExternalName, externalName: x.test", false},
		"sealed config":                  {config, "a: b", "a: c", true},
		"sealed config opened":           {config, "immutable: true", "immutable: false", true},
		"sealed config label":            {config, "metadata: {", "metadata: {labels: {l: m}, ", false},
		"config":                         {strings.Replace(config, "immutable: true\n", "", 1), "a: b", "a: c", false},
		"secret type":                    {secret, "Opaque", "example.org/x", true},
		"secret data":                    {secret, "a: b", "a: c", false},
		"role of a binding":              {binding, "name: r", "name: q", true},
		"subject of a binding":           {binding, "name: s", "name: q", false},
		"storage class parameter":        {storageClass, "p: q", "p: r", true},
		"storage class expansion":        {storageClass, "parameters", "allowVolumeExpansion: true\nparameters", false},
		"storage class reclaims":         {storageClass, "parameters", "reclaimPolicy: Retain\nparameters", true},
		"storage class reclaims default": {storageClass, "parameters", "reclaimPolicy: Delete\nparameters", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := sandboxtest.Namespace(t)
			text := strings.Replace(c.before, "name: x}", "name: "+namespace+"}", 1)
			before, after := manifest(t, text), manifest(t, strings.ReplaceAll(text, c.from, c.to))
			changes := changedObjects(before, after, nil)
			if len(changes) != 1 || changes[0].action != Change {
				t.Fatalf("the case changes nothing: %+v", changes)
			}
			planned := immutableFields(changes[0])

			resource, live := resourceOf(t, before[0], namespace)
			if _, err := resource.Create(t.Context(), live, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			if clusterScoped[live.GetKind()] {
				t.Cleanup(func() {
					_ = resource.Delete(t.Context(), live.GetName(), metav1.DeleteOptions{})
				})
			}
			old, err := json.Marshal(before[0])
			if err != nil {
				t.Fatal(err)
			}
			wanted, err := json.Marshal(after[0])
			if err != nil {
				t.Fatal(err)
			}
			typed, err := scheme.Scheme.New(live.GroupVersionKind())
			if err != nil {
				t.Fatal(err)
			}
			patch, err := strategicpatch.CreateTwoWayMergePatch(old, wanted, typed)
			if err != nil {
				t.Fatal(err)
			}
			_, err = resource.Patch(t.Context(), live.GetName(), types.StrategicMergePatchType, patch, metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil && !apierrors.IsInvalid(err) {
				t.Fatal(err)
			}
			if refused := err != nil; refused != c.refused || (len(planned) > 0) != c.refused {
				t.Errorf("planned refusals %v; Kubernetes says %v", planned, err)
			}
		})
	}
}

const storageClass = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: x}
provisioner: example.org/p
parameters: {p: q}
`
