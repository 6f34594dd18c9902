package plan

import (
	"strings"
	"testing"

	"github.com/soctalk/fleet/internal/redact"
)

// shownIn are the fields of a ConfigMap whose texts a mask lets be seen.
func shownIn(t *testing.T, m *mask, data map[string]any) map[string]string {
	t.Helper()
	before := Object{"kind": "ConfigMap", "data": map[string]any{"unchanged": "x"}, "metadata": map[string]any{}}
	labels := map[string]any{}
	for k := range data {
		labels[k] = "x"
	}
	after := Object{"kind": "ConfigMap", "data": data, "metadata": map[string]any{"labels": labels}}
	changes := changedObjects([]Object{before}, []Object{after}, nil)
	diff, _ := objectDiff(changes[0], identity{}, m)
	shown := map[string]string{}
	for _, f := range diff.Fields {
		if f.Masked == "" && f.After != "" {
			shown[f.Path] = f.After
		}
	}
	return shown
}

func TestMaskHidesWhatChartsMakeOfValues(t *testing.T) {
	t.Parallel()
	const given = "CanaryXyz12345"
	made := map[string]any{
		"plain": given, "lower": strings.ToLower(given), "upper": "X_" + strings.ToUpper(given), "hex": "43616e61727958797a3132333435",
		"trunc": given[:8], "substr": given[3:11], "replaced": strings.ReplaceAll(given, "y", "-"), "snake": "canary_xyz12345",
		"nested":               map[string]any{"deeper": []any{"at", strings.ToLower(given)}},
		strings.ToUpper(given): "a key",
	}
	objects := []Object{{"kind": "Secret", "data": map[string]any{"p": "Q2FuYXJ5WHl6MTIzNDU="}}}
	var files, none sensitives
	files.once.Do(func() { files.of = sensitive{texts: redact.NewFinder([]string{given})} })
	for where, m := range map[string]*mask{
		"a value":              newMask(none.of, nil, nil, nil, []map[string]any{{"a": []any{given}}}),
		"a sensitive variable": newMask(files.of, nil, nil, nil, nil),
		"a Secret":             newMask(none.of, nil, nil, nil, nil, objects),
		"a live Secret":        newMask(none.of, []string{given}, nil, nil, nil),
	} {
		for path, text := range shownIn(t, m, made) {
			if path == "data[(hidden)]" {
				continue // its key is hidden, and that is all
			}
			t.Errorf("%s that is %s is shown in %s as %s", where, given, path, text)
		}
	}
}

func TestMaskShowsWhatChartsSay(t *testing.T) {
	t.Parallel()
	chart := redact.NewChartWords(func() []string {
		return []string{"url: http://{{ .Release.Name }}-postgresql:5432", "level: INFO", "adapter-ingress-policy", "production"}
	})
	values := []map[string]any{{
		"level": "info", "url": "https://idp.example.com/realms/acme", "db": "postgresql://u@tenant-acme-postgresql:5432/db",
		"size": "production-large", "tag": "0.2.1", "zone": "topology.kubernetes.io/zone", "name": "adapter-ingress-policy-of-acme",
	}}
	m := newMask(sensitive{}, nil, []string{"tenant-acme", "acme", "0.2.0", "0.2.1"}, []*redact.ChartWords{chart}, values)
	said := map[string]any{
		"LEVEL": "INFO", "URL": "http://tenant-acme-postgresql:5432", "DOCS": "https://docs.soctalk.io/0.2.1", "NAME": "adapter-ingress-policy", "VERSION": "0.2.1",
		"SIZE": "production", "SELECTOR": "kubernetes.io/os", "PATH": "/etc/soctalk/config.yaml", "COUNT": "25", "SERVICE": "http://tenant-acme-api.tenant-acme.svc.cluster.local:8000",
	}
	shown := shownIn(t, m, said)
	for name, text := range said {
		if shown["data."+name] == "" {
			t.Errorf("%s: %q is the chart's own and hidden", name, text)
		}
	}
}
