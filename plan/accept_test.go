package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/soctalk/fleet/schema"
	"sigs.k8s.io/yaml"
)

// manifest reads objects from YAML documents.
func manifest(t testing.TB, text string) []Object {
	t.Helper()
	var out []Object
	for _, doc := range strings.Split(text, "\n---\n") {
		var o Object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		if len(o) > 0 {
			out = append(out, o)
		}
	}
	return out
}

func changesOf(t testing.TB, before, after string) []objectChange {
	t.Helper()
	b, a := manifest(t, before), manifest(t, after)
	return changedObjects(b, a, a)
}

const (
	aSet = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: tenant-acme-linuxep}
spec: {serviceName: s}
`
	aClaim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: tenant-acme}
spec: {resources: {requests: {storage: 1Gi}}}
`
)

func TestObjections(t *testing.T) {
	t.Parallel()
	r := release("tenant.acme", "tenant-acme", "0.2.1")
	for name, c := range map[string]struct {
		before, after string
		accept        schema.Acceptance
		jobsDeleted   bool
		want          []string // word, accepted, part of the text
	}{
		"set removed":        {before: aSet, want: []string{"remove:StatefulSet/tenant-acme-linuxep", "refused", "volume claims stay behind"}},
		"set removed, meant": {before: aSet, accept: schema.Acceptance{"remove:StatefulSet/*"}, want: []string{"remove:StatefulSet/tenant-acme-linuxep", "accepted", "stay behind"}},
		"set removed with its claims": {
			before: strings.Replace(aSet, "{serviceName: s}", "{persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}}", 1),
			want:   []string{"remove:StatefulSet/tenant-acme-linuxep", "refused", "claims go with it"},
		},
		"claim removed":             {before: aClaim, want: []string{"remove:PersistentVolumeClaim/data", "refused", "reclaim policy is Retain"}},
		"kept by policy":            {before: strings.Replace(aClaim, "name: data", "annotations: {helm.sh/resource-policy: keep}, name: data", 1)},
		"only the namespace told":   {before: aSet, after: strings.Replace(aSet, "linuxep}", "linuxep, namespace: tenant-acme}", 1)},
		"moved to another":          {before: aSet, after: strings.Replace(aSet, "linuxep}", "linuxep, namespace: other}", 1), want: []string{"remove:StatefulSet/tenant-acme-linuxep", "refused", ""}},
		"another workload removed":  {before: strings.Replace(aSet, "StatefulSet", "Deployment", 1)},
		"service name":              {before: aSet, after: strings.Replace(aSet, "serviceName: s", "serviceName: t", 1), want: []string{"recreate:StatefulSet/tenant-acme-linuxep", "refused", "kubectl delete statefulset tenant-acme-linuxep -n tenant-acme"}},
		"service name, meant":       {before: aSet, after: strings.Replace(aSet, "serviceName: s", "serviceName: t", 1), accept: schema.Acceptance{"recreate:StatefulSet/tenant-acme-linuxep"}, want: []string{"recreate:StatefulSet/tenant-acme-linuxep", "accepted", "deleted by hand"}},
		"job":                       {before: job("a"), after: job("b"), want: []string{"recreate:Job/migrate", "refused", "spec.template"}},
		"job that is deleted first": {before: job("a"), after: job("b"), jobsDeleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := r
			r.Accept = c.accept
			got := objections(&r, changesOf(t, c.before, c.after), c.jobsDeleted)
			if c.want == nil {
				if len(got) > 0 {
					t.Fatal(got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatal(got)
			}
			state := map[bool]string{false: "refused", true: "accepted"}[got[0].Accepted]
			text := got[0].Detail
			if got[0].Accepted {
				text = got[0].note()
			} else if !strings.Contains(text, got[0].Word) {
				t.Errorf("the way out is not told: %s", text)
			}
			if got[0].Word != c.want[0] || state != c.want[1] || !strings.Contains(text, c.want[2]) {
				t.Errorf("%s %s %s", got[0].Word, state, text)
			}
		})
	}
}

func job(image string) string {
	return `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec: {template: {spec: {containers: [{name: m, image: ` + image + `}]}}}
`
}

func TestUnusedWords(t *testing.T) {
	t.Parallel()
	one, two, three := release("tenant.one", "tenant-one", "1.0.0"), release("tenant.two", "tenant-two", "1.0.0"), release("tenant.three", "tenant-three", "1.0.0")
	one.Accept = schema.Acceptance{"remove:StatefulSet/tenant-one-*", "no-snapshot"}
	two.Accept = schema.Acceptance{"remove:StatefulSet/tenant-two-*", "no-snapshot"}
	two.Source.Attrs = one.Source.Attrs // both from tenant_defaults
	three.Accept = schema.Acceptance{"owner:flux"}
	three.Source.Block.Start.Line++
	releases := []*schema.Release{&one, &two, &three}
	texts := func(asked map[string][]string) []string {
		var s []string
		for _, d := range unusedWords(releases, asked) {
			_, word, _ := strings.Cut(d.Detail, `asks for "`)
			word, _, _ = strings.Cut(word, `"`)
			s = append(s, d.Address+" "+word)
		}
		return s
	}
	if diff := cmp.Diff([]string{"tenant.one no-snapshot", "tenant.three owner:flux"}, texts(map[string][]string{
		"tenant.one": {}, "tenant.two": {"remove:StatefulSet/tenant-two-linuxep"}, "tenant.three": {"owner:argocd"},
	})); diff != "" {
		t.Error(diff)
	}
	if got := texts(map[string][]string{"tenant.one": {}}); got != nil {
		t.Errorf("releases that were not planned are judged: %v", got)
	}
}
