package helm_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/internal/sandbox/sandboxtest"
	"github.com/soctalk/fleet/plan"
)

// The planner takes findings as they are.
var _ = plan.LiveFinding(helm.Finding{})

// line is a finding in one line.
func line(f helm.Finding) string {
	s := strings.TrimSpace(f.Kind + " " + f.ObjectKind + " " + f.Name)
	if f.Missing {
		s += " missing"
	}
	if f.Kept {
		s += " kept"
	}
	for _, part := range []string{strings.Join(f.Paths, ", "), f.Message} {
		if part != "" {
			s += ": " + part
		}
	}
	if f.By != "" {
		s += " by " + f.By
	}
	return s
}

// inspect looks at one release.
func inspect(t *testing.T, c *helm.Client, r helm.LiveRelease) []string {
	t.Helper()
	out, err := c.Inspect(t.Context(), []helm.LiveRelease{r}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Err != nil {
		t.Fatal(out[0].Err)
	}
	lines := []string{}
	for _, f := range out[0].Findings {
		lines = append(lines, line(f))
	}
	slices.Sort(lines)
	return lines
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func manifest(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	all, err := helm.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// liveRelease is what the target is and would be.
func liveRelease(t *testing.T, c *helm.Client, target helm.Target) helm.LiveRelease {
	t.Helper()
	r := helm.LiveRelease{Namespace: target.Namespace, Name: target.Name, Hide: []map[string]any{target.Values}, Show: []string{target.Chart.Name}}
	if target.Base != nil {
		r.Stored = manifest(t, target.Base.Manifest.String())
		r.Hide = append(r.Hide, target.Base.Config)
	}
	rendered, err := c.Render(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	r.Want = rendered.Objects
	return r
}

const jobTemplate = "templates/jobs/alembic-upgrade.yaml"

func TestExamplesAreCleanAndSafeToUpgrade(t *testing.T) {
	t.Parallel()
	claims := func(prefix string) []string {
		return []string{
			"refused StatefulSet " + prefix + "wazuh-indexer: spec.volumeClaimTemplates: spec.volumeClaimTemplates cannot be changed in a live StatefulSet",
			"refused StatefulSet " + prefix + "wazuh-manager: spec.volumeClaimTemplates: spec.volumeClaimTemplates cannot be changed in a live StatefulSet",
		}
	}
	for _, test := range []struct {
		name, chart, release, values string
		versions                     []string
		then                         map[string]any // further values of the last version
		last                         []string       // what the last hop meets
	}{
		{"system", "soctalk-system", "soctalk-system", "{bootstrapAdmin: {password: first}, llm: {apiKey: key}, preInstallCheck: {enabled: false}}",
			[]string{"0.1.2", "0.1.3", "0.1.4", "0.2.0", "0.2.1", "0.3.0"}, nil, nil},
		{"tenant", "soctalk-tenant", "tenant-acme", "{profile: persistent}", []string{"0.1.1", "0.1.9", "0.2.0", "0.2.1", "0.3.0"}, nil, claims("tenant-acme-")},
		{"simulated tenant", "soctalk-tenant", "tenant-acme", "{tenant: {displayName: Acme}, llm: {model: gpt-4o}}", []string{"0.1.9", "0.2.1"}, nil, nil},
		{"tenant with the old layout", "soctalk-tenant", "tenant-acme", "", []string{"0.2.1", "0.3.0"},
			map[string]any{"wazuh": map[string]any{"storage": map[string]any{"layout": "v4"}}}, nil},
		{"wazuh", "wazuh", "wazuh-acme", "", []string{"0.1.0", "0.1.1", "0.2.0", "0.2.1", "0.3.0"}, nil, claims("wazuh-acme-")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, k, ns := connect(t)
			var supplied map[string]any
			if err := yaml.Unmarshal([]byte(test.values), &supplied); err != nil {
				t.Fatal(err)
			}
			target := helm.Target{Namespace: ns, Name: test.release, Values: supplied}
			t.Cleanup(func() { _ = c.Uninstall(context.Background(), target.Base, helm.ApplyOptions{}) })
			for i, version := range test.versions {
				target.Chart = loadDir(t, fmt.Sprintf("../../examples/charts/%s/%s", test.chart, version))
				if i == len(test.versions)-1 {
					target.Values = helm.MergeValues(supplied, test.then)
				}
				live := liveRelease(t, c, target)
				rendered, err := c.Render(t.Context(), target)
				if err != nil {
					t.Fatal(err)
				}
				if file := rendered.Files[jobTemplate]; file != "" {
					live.Remade = manifest(t, file)
				}
				found := inspect(t, c, live)
				if i == len(test.versions)-1 && test.last != nil {
					expect(t, found, test.last...)
					return
				}
				if len(found) > 0 {
					t.Fatalf("on the way to %s:\n  %s", version, strings.Join(found, "\n  "))
				}
				for _, o := range live.Remade {
					if o.GetKind() == "Job" {
						if err := k.DeleteJob(t.Context(), ns, o.GetName()); err != nil {
							t.Fatal(err)
						}
					}
				}
				target.Base = install(t, c, target, helm.ApplyOptions{})
				live = liveRelease(t, c, target)
				live.Want = nil
				if found := inspect(t, c, live); len(found) > 0 {
					t.Fatalf("right after %s:\n  %s", version, strings.Join(found, "\n  "))
				}
			}
		})
	}
}

// fixed is a chart whose fields Kubernetes does not let change.
var fixed = files{
	"Chart.yaml":  meta("fixed", "1.0.0"),
	"values.yaml": "size: 1Gi\nip: None\nimage: one\nmark: a\n",
	"templates/all.yaml": `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: data}
spec:
  serviceName: data
  selector: {matchLabels: {app: data}}
  template:
    metadata: {labels: {app: data}}
    spec: {containers: [{name: main, image: registry.example.com/data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: {{ .Values.size }}}}}
---
apiVersion: v1
kind: Service
metadata: {name: data}
spec: {clusterIP: {{ .Values.ip }}, selector: {app: data}, ports: [{port: 80}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: "registry.example.com/{{ .Values.image }}"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: {{ .Values.mark }}}}
  template:
    metadata: {labels: {app: {{ .Values.mark }}}}
    spec: {containers: [{name: main, image: registry.example.com/web}]}
`,
}

func TestImmutableFieldsAreRefused(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	target := helm.Target{Namespace: ns, Name: "app", Chart: load(t, fixed)}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	expect(t, inspect(t, c, liveRelease(t, c, target)))
	target.Values = values("size", "2Gi", "ip", "10.0.0.77", "image", "secretive-image-name", "mark", "b")
	expect(t, inspect(t, c, liveRelease(t, c, target)),
		"refused Deployment web: spec.selector: spec.selector: field is immutable",
		"refused Job once: spec.template: spec.template: field is immutable",
		"refused Service data: spec.clusterIPs[0]: spec.clusterIPs[0]: may not change once set",
		"refused StatefulSet data: spec.volumeClaimTemplates: spec.volumeClaimTemplates cannot be changed in a live StatefulSet",
	)
}

const canary = "canary-of-0123456789"

func TestAdmissionIsAsked(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	ch := load(t, small.with("templates/pod.yaml", `
{{- if .Values.pod }}
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec: {containers: [{name: main, image: registry.example.com/bare, resources: {limits: {cpu: {{ .Values.pod }}}}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app-labelled, labels: {a: "{{ .Values.note }}!"}}
---
apiVersion: v1
kind: Secret
metadata: {name: hooked}
{{- end }}
`))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	secret, err := k.Typed().CoreV1().Secrets(ns).Get(t.Context(), "app-key", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	policy := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [configmaps]}]
  validations:
  - expression: object.data.note != '%[2]s'
    messageExpression: "'no note such as ' + object.data.note + ' beside %[3]s'"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: %[1]s}
spec: {limits: [{type: Container, max: {cpu: 100m}}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: closed.example.com
  clientConfig: {url: "https://127.0.0.1:1/"}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [secrets]}]
  sideEffects: None
  admissionReviewVersions: [v1]
`, ns, canary, secret.Data["password"])
	for _, o := range manifest(t, policy) {
		if err := k.Apply(t.Context(), o, "test"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if mapping, err := k.Mapper().RESTMapping(o.GroupVersionKind().GroupKind()); err == nil {
				_ = k.Dynamic().Resource(mapping.Resource).Namespace(o.GetNamespace()).Delete(context.Background(), o.GetName(), metav1.DeleteOptions{})
			}
		})
	}
	target.Values = values("note", canary, "pod", "500m")
	release := liveRelease(t, c, target)
	want := []string{
		"refused ConfigMap app-labelled: metadata.labels: metadata.labels: a valid label",
		"refused ConfigMap app: ValidatingAdmissionPolicy '" + ns + "' with binding '" + ns + "' denied request: no note such as (hidden) beside (hidden)",
		"refused Pod bare: maximum cpu usage per Container is 100m, but limit is (hidden)",
		`refused Secret hooked: Internal error occurred: failed calling webhook "closed.example.com"`,
	}
	// Both reach the admission plugins through caches.
	sandboxtest.Eventually(t, func(context.Context) error {
		got := inspect(t, c, release)
		if strings.Contains(strings.Join(got, ""), canary) || strings.Contains(strings.Join(got, ""), string(secret.Data["password"])) {
			t.Fatalf("a secret came through: %s", got)
		}
		// The rest of these is the API server's.
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			return fmt.Errorf("got\n  %s", strings.Join(got, "\n  "))
		}
		return nil
	})
}

func TestWhatCannotBeTriedIsSaid(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	group := strings.ReplaceAll(ns, "-", "") + ".example.com"
	ch := load(t, small.with(
		"crds/gadgets.yaml", gadgets(group, ""),
		"templates/gadget.yaml", "apiVersion: "+group+"/v1\nkind: Gadget\nmetadata: {name: one}\n",
		"templates/odd.yaml", "apiVersion: odd.example.com/v1\nkind: Odd\nmetadata: {name: odd}\n",
		"templates/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: bare}\nspec: {serviceAccountName: own, containers: [{name: main, image: registry.example.com/bare}]}\n",
		"templates/account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: own}\n",
		"templates/bad.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: Bad_Name}\n",
	))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	rendered, err := c.Render(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	release := liveRelease(t, c, target)
	release.CRDs = rendered.CRDs
	const odd = "refused Odd odd: the cluster does not offer Odd of odd.example.com/v1"
	refused := "refused ServiceAccount Bad_Name: metadata.name: metadata.name: "
	got := inspect(t, c, release)
	if i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, refused) }); i >= 0 {
		got[i] = refused
	}
	expect(t, got, odd, refused,
		"untried: 1 object: others of this release come first; 1 object: the definition of Gadget comes first")

	release.Namespace += "-x"
	expect(t, inspect(t, c, release), odd,
		"untried: 6 objects: namespace "+ns+"-x does not exist yet; 1 object: the definition of Gadget comes first")
}

func TestAnUpgradeMayMakeRoomForItself(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	ch := load(t, small.with("templates/room.yaml", `
apiVersion: v1
kind: ResourceQuota
metadata: {name: room, labels: {note: {{ .Values.note | quote }}}}
spec: {hard: {services: {{ .Values.room | default "0" | quote }}}}
{{- if .Values.more }}
---
apiVersion: v1
kind: Service
metadata: {name: more}
spec: {ports: [{port: 80}]}
{{- end }}
`))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	// The quota has to be counted once.
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		q, err := k.Typed().CoreV1().ResourceQuotas(ns).Get(ctx, "room", metav1.GetOptions{})
		if err == nil && len(q.Status.Hard) == 0 {
			err = fmt.Errorf("not counted yet")
		}
		return err
	})
	target.Values = values("more", "yes", "note", "other")
	expect(t, inspect(t, c, liveRelease(t, c, target)), "refused Service more: exceeded quota: room, requested: services=1, used: services=0, limited: services=0")
	target.Values = values("more", "yes", "room", "1")
	expect(t, inspect(t, c, liveRelease(t, c, target)), "untried: 1 object: others of this release come first")
}

// An account that may read in its namespaces, and write nothing.
func TestMissingPermissionsAreRefusals(t *testing.T) {
	t.Parallel()
	admin, k, ns := connect(t)
	account, err := k.Typed().CoreV1().ServiceAccounts(ns).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := k.Typed().CoreV1().ServiceAccounts(ns).CreateToken(t.Context(), account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ch := load(t, small)
	var all []helm.LiveRelease
	for range 5 {
		target := helm.Target{Namespace: sandboxtest.Namespace(t), Name: "app", Chart: ch}
		for _, o := range manifest(t, fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: %[1]s}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: %[2]s}]
`, target.Namespace, ns)) {
			if err := k.Apply(t.Context(), o, "test"); err != nil {
				t.Fatal(err)
			}
		}
		target.Base = install(t, admin, target, helm.ApplyOptions{})
		target.Values = values("note", "two")
		all = append(all, liveRelease(t, admin, target))
	}
	reader := helm.New(as(t, token.Status.Token), helm.Options{})
	// Permissions reach the authorizer through a cache.
	sandboxtest.Eventually(t, func(ctx context.Context) error {
		out, err := reader.Inspect(ctx, all, 2)
		if err != nil {
			return err
		}
		for i, in := range out {
			if in.Err != nil {
				return in.Err
			}
			var got []string
			for _, f := range in.Findings {
				got = append(got, line(f))
			}
			slices.Sort(got)
			user := `User "system:serviceaccount:` + ns + `:reader" cannot patch resource `
			expect(t, got,
				"refused ConfigMap app: "+user+`"configmaps" in API group "" in the namespace "`+all[i].Namespace+`"`,
				"refused Deployment app: "+user+`"deployments" in API group "apps" in the namespace "`+all[i].Namespace+`"`)
		}
		return nil
	})
}

// as returns the sandbox's cluster as the token's owner sees it.
func as(t *testing.T, token string) *kube.Cluster {
	t.Helper()
	config, err := sandboxtest.Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	err = clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthority: config.CAFile, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "c",
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(kube.Config{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestObjectOfAnotherReleaseIsRefused(t *testing.T) {
	t.Parallel()
	c, _, ns := connect(t)
	install(t, c, helm.Target{Namespace: ns, Name: "one", Chart: load(t, small)}, helm.ApplyOptions{})
	ch := load(t, small.with("templates/clash.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"))
	expect(t, inspect(t, c, liveRelease(t, c, helm.Target{Namespace: ns, Name: "two", Chart: ch})),
		"refused ConfigMap one: it exists already and is not this release's, so Helm does not touch it: remove it, or label and annotate it for Helm to adopt")
}

func TestDriftIsFound(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	group := strings.ReplaceAll(ns, "-", "") + ".example.com"
	ch := load(t, small.with(
		"crds/gadgets.yaml", gadgets(group, "shape: {type: string}, ports: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}"),
		"templates/gadget.yaml", "apiVersion: "+group+"/v1\nkind: Gadget\nmetadata: {name: one}\nspec: {shape: round, unknown: dropped, ports: [{port: 1}]}\n",
		"templates/more.yaml", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: scaled}
spec:
  replicas: 1
  selector: {matchLabels: {app: scaled}}
  template:
    metadata: {labels: {app: scaled}}
    spec:
      hostNetwork: false
      securityContext: {}
      containers:
      - name: main
        image: registry.example.com/scaled
        args: [a, b]
        env: [{name: ONE, value: "1"}, {name: TWO, value: ""}]
        resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: 0.5}}
        ports: [{name: dns, containerPort: 53, protocol: UDP}, {name: dns-tcp, containerPort: 53, protocol: TCP}]
---
apiVersion: v1
kind: Secret
metadata: {name: both}
data: {a: YQ==}
stringData: {b: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: gone}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {one: "1"}}
spec: {clusterIP: "", ports: [{port: 80}], selector: {app: scaled}}
`))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	gadget := kube.CRDResource.GroupVersion().WithResource("gadgets")
	gadget.Group = group
	t.Cleanup(func() {
		_ = k.Dynamic().Resource(kube.CRDResource).Delete(context.Background(), "gadgets."+group, metav1.DeleteOptions{})
	})
	release := liveRelease(t, c, target)
	expect(t, inspect(t, c, release))

	edit := metav1.PatchOptions{FieldManager: "kubectl-edit"}
	patch := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := k.Typed().AppsV1().Deployments(ns).Patch(t.Context(), "app", types.StrategicMergePatchType,
		[]byte(`{"metadata":{"annotations":{"own":"`+canary+`"}},"spec":{"template":{"spec":{"containers":[{"name":"main","image":"registry.example.com/`+canary+`"},{"name":"side","image":"x"}]}}}}`), edit)
	patch(err)
	_, err = k.Typed().AppsV1().Deployments(ns).Patch(t.Context(), "scaled", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"hostNetwork":true,"containers":[{"name":"main","args":["a"],"env":[{"name":"ONE","value":"2"}],"resources":{"limits":{"cpu":"1"}}}]}}}}`), edit)
	patch(err)
	_, err = k.Typed().CoreV1().Secrets(ns).Patch(t.Context(), "both", types.MergePatchType, []byte(`{"data":{"b":"Yw==","own":"eA=="}}`), edit)
	patch(err)
	_, err = k.Typed().CoreV1().Services(ns).Patch(t.Context(), "web", types.MergePatchType, []byte(`{"metadata":{"labels":{"one":null,"app.kubernetes.io/managed-by":null}}}`), edit)
	patch(err)
	_, err = k.Dynamic().Resource(gadget).Namespace(ns).Patch(t.Context(), "one", types.MergePatchType, []byte(`{"spec":{"shape":"square"}}`), edit)
	patch(err)
	patch(k.Typed().CoreV1().ConfigMaps(ns).Delete(t.Context(), "gone", metav1.DeleteOptions{}))

	drift := []string{
		"drift ConfigMap gone missing",
		"drift Deployment app: spec.template.spec.containers[main].image by kubectl-edit",
		"drift Deployment scaled: spec.template.spec.containers[main].args, spec.template.spec.containers[main].env[ONE].value, spec.template.spec.hostNetwork by kubectl-edit",
		"drift Gadget one kept: spec.shape by kubectl-edit",
		"drift Secret both: data.b by kubectl-edit",
		"drift Service web: metadata.labels.one",
	}
	got := inspect(t, c, release)
	expect(t, got, drift...)
	if strings.Contains(strings.Join(got, ""), canary) {
		t.Error("a value came through")
	}

	// What is said of the upgrade is true.
	target.Values = values("note", "two")
	target.Base = install(t, c, target, helm.ApplyOptions{})
	release = liveRelease(t, c, target)
	release.Want = nil
	expect(t, inspect(t, c, release), "drift Gadget one kept: spec.shape by kubectl-edit")
}

func TestScalingIsTheScalersDrift(t *testing.T) {
	t.Parallel()
	c, k, ns := connect(t)
	ch := load(t, small.with("templates/app.yaml", strings.Replace(small["templates/app.yaml"], "spec:\n  selector", "spec:\n  replicas: 1\n  selector", 1)))
	target := helm.Target{Namespace: ns, Name: "app", Chart: ch}
	target.Base = install(t, c, target, helm.ApplyOptions{})
	least := int32(3)
	_, err := k.Typed().AutoscalingV2().HorizontalPodAutoscalers(ns).Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "app"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"},
			MinReplicas:    &least, MaxReplicas: 5,
			Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &least}}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	release := liveRelease(t, c, target)
	sandboxtest.Eventually(t, func(context.Context) error {
		got := inspect(t, c, release)
		if len(got) == 0 {
			return fmt.Errorf("not scaled yet")
		}
		expect(t, got, "drift Deployment app: spec.replicas by kube-controller-manager")
		return nil
	})
}

// Ten releases must not cost ten times the reads of one.
func TestInspectionReadsKindsNotObjects(t *testing.T) {
	t.Parallel()
	r, c := record(t)
	ch := load(t, small)
	var all []helm.LiveRelease
	for range 6 {
		target := helm.Target{Namespace: sandboxtest.Namespace(t), Name: "app", Chart: ch}
		target.Base = install(t, c, target, helm.ApplyOptions{})
		release := liveRelease(t, c, target)
		release.Want = nil
		all = append(all, release)
	}
	r.take()
	out, err := c.Inspect(t.Context(), all, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range out {
		if i.Err != nil || len(i.Findings) > 0 {
			t.Errorf("got %+v", i)
		}
	}
	if requests := r.take(); len(requests) != 3 {
		t.Errorf("%d requests for 18 objects of three kinds:\n%s", len(requests), strings.Join(requests, "\n"))
	}
}

// A fleet whose objects were deleted must not be asked for object by object.
func TestInspectionOfMissingObjects(t *testing.T) {
	t.Parallel()
	r, c := record(t)
	var all []helm.LiveRelease
	for range 21 {
		namespace := sandboxtest.Namespace(t)
		objects, err := helm.ParseManifest("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, helm.LiveRelease{Namespace: namespace, Name: "app", Stored: objects})
	}
	last := all[20].Namespace
	_, err := sandboxtest.Client(t).CoreV1().ConfigMaps(last).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "app"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.take()
	out, err := c.Inspect(t.Context(), all, 2)
	if err != nil {
		t.Fatal(err)
	}
	requests := r.take()
	for i, in := range out {
		missing := len(in.Findings) == 1 && in.Findings[0].Missing
		if in.Err != nil || missing == (i == 20) {
			t.Errorf("%d: %+v", i, in)
		}
	}
	single := slices.DeleteFunc(requests, func(r string) bool { return !strings.Contains(r, "/configmaps/") })
	if len(single) != 1 {
		t.Errorf("single objects were asked for, and not the one alone that has lost Helm's label:\n%s", strings.Join(single, "\n"))
	}
}
