package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRestarts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after string
		want          bool
	}{
		"image":       {pods("Deployment", "x", "containers: [{name: a, image: b}]"), pods("Deployment", "x", "containers: [{name: a, image: c}]"), true},
		"label":       {"kind: Deployment\nspec: {template: {metadata: {labels: {a: b}}}}", "kind: Deployment\nspec: {template: {metadata: {labels: {a: c}}}}", true},
		"replicas":    {"kind: Deployment\nspec: {replicas: 1}", "kind: Deployment\nspec: {replicas: 2}", false},
		"scaled down": {"kind: Deployment\nspec: {replicas: 0, template: {metadata: {labels: {a: b}}}}", "kind: Deployment\nspec: {replicas: 0, template: {metadata: {labels: {a: c}}}}", false},
		"on delete":   {"kind: StatefulSet\nspec: {updateStrategy: {type: OnDelete}, template: {a: b}}", "kind: StatefulSet\nspec: {updateStrategy: {type: OnDelete}, template: {a: c}}", false},
		"recreated":   {"kind: StatefulSet\nspec: {serviceName: a}", "kind: StatefulSet\nspec: {serviceName: b}", true},
		"cron job":    {"kind: CronJob\nspec: {jobTemplate: {spec: {template: {a: b}}}}", "kind: CronJob\nspec: {jobTemplate: {spec: {template: {a: c}}}}", false},
		"bare pod":    {"kind: Pod\nspec: {containers: [{name: a, image: b}]}", "kind: Pod\nspec: {containers: [{name: a, image: c}]}", true},
		"pod's label": {"kind: Pod\nmetadata: {labels: {a: b}}", "kind: Pod\nmetadata: {labels: {a: c}}", false},
	} {
		changes := changesOf(t, c.before, c.after)
		if len(changes) != 1 || changes[0].restarts() != c.want {
			t.Errorf("%s: %+v", name, changes)
		}
	}
}

func TestWorkloadNotes(t *testing.T) {
	t.Parallel()
	users := pods("Deployment", "reader", "containers: [{name: a, envFrom: [{configMapRef: {name: tenant-acme-config}}]}]") + "---\n" +
		pods("StatefulSet", "mounter", "volumes: [{name: v, configMap: {name: tenant-acme-config}}], containers: [{name: a}]") + "---\n" +
		pods("DaemonSet", "projector", "volumes: [{name: v, projected: {sources: [{secret: {name: keys}}]}}], containers: [{name: a}]") + "---\n" +
		pods("Deployment", "keyed", "initContainers: [{name: a, env: [{name: E, valueFrom: {secretKeyRef: {name: keys, key: k}}}]}]") + "---\n" +
		pods("Deployment", "stranger", "containers: [{name: a, envFrom: [{secretRef: {name: tenant-acme-config}}]}]") + "---\n" +
		pods("Job", "batch", "containers: [{name: a, envFrom: [{configMapRef: {name: tenant-acme-config}}]}]") + "---\n" +
		"kind: Deployment\nmetadata: {name: off}\nspec: {replicas: 0, template: {spec: {containers: [{name: a, envFrom: [{configMapRef: {name: tenant-acme-config}}]}]}}}\n---\n"
	checked := func(sum string) string {
		return "kind: Deployment\nmetadata: {name: checked}\nspec: {template: {metadata: {annotations: {checksum/config: " + sum + "}}, spec: {containers: [{name: a, envFrom: [{configMapRef: {name: tenant-acme-config}}]}]}}}\n---\n"
	}
	odd := func(image string) string {
		return "kind: StatefulSet\nmetadata: {name: manual}\nspec: {updateStrategy: {type: OnDelete}, template: {spec: {containers: [{name: a, image: " + image + "}]}}}\n---\n" +
			"kind: CronJob\nmetadata: {name: tidy}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: " + image + "}]}}}}}\n---\n"
	}
	before := users + checked("one") + odd("a") +
		"kind: ConfigMap\nmetadata: {name: tenant-acme-config, namespace: tenant-acme}\ndata: {a: b}\n---\nkind: Secret\nmetadata: {name: keys}\ndata: {k: YQ==}\n---\nkind: ConfigMap\nmetadata: {name: labelled, labels: {a: b}}\n"
	after := users + checked("two") + odd("b") +
		"kind: ConfigMap\nmetadata: {name: tenant-acme-config, namespace: tenant-acme}\ndata: {a: c}\n---\nkind: Secret\nmetadata: {name: keys}\ndata: {k: Yg==}\n---\nkind: ConfigMap\nmetadata: {name: labelled, labels: {a: c}}\n---\n" +
		pods("Job", "once", "containers: [{name: a}]") + "---\n" + pods("Deployment", "new", "containers: [{name: a, envFrom: [{configMapRef: {name: tenant-acme-config}}]}]")
	want := []string{
		"ConfigMap tenant-<slug>-config changes and Deployment reader, which has it in its environment, does not restart: it keeps the old values",
		"ConfigMap tenant-<slug>-config changes and StatefulSet mounter, which mounts it, does not restart: it gets the new files while it runs",
		"CronJob tidy: its next run is made from the new template, one under way goes on",
		"Job once runs",
		"Secret keys changes and DaemonSet projector, which mounts it, does not restart: it gets the new files while it runs",
		"Secret keys changes and Deployment keyed, which has it in its environment, does not restart: it keeps the old values",
		"StatefulSet manual has updateStrategy OnDelete: its pods stay as they are until somebody deletes them",
	}
	if diff := cmp.Diff(want, workloadNotes(changesOf(t, before, after), manifest(t, after), "tenant-acme", acme())); diff != "" {
		t.Error(diff)
	}
}
