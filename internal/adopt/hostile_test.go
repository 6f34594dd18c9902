package adopt

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"sigs.k8s.io/yaml"
)

// What ends a token, a line or a document in one of the languages, or begins
// something there.
var fragments = []string{
	"\n", "\r", "\r\n", "\t", " ", "\x00", "\x1b[2K", "\u0085", "\u2028", "\u202e", "\ufeff", `"`, "'", "`", `\`, "${", "$${", "%{", "}", "{", "]", "[", "(", ")", "=", ":", ": ", ",", ".",
	"#", "//", "/*", "*/", "<<EOT\n", "\nEOT\n", "\nvariable \"evil\" {}\n#", "\nsystem {\n}\n", "---", "\n---\n", "\n...\n", "- ", "? ", "&a ", "*a", "!!binary ", "<<", "|", ">", "@", "~", "%",
	"for", "null", "true", "no", "self", "each", "var", "if", "value", "name", "token", "password", "secrets", "1", "0x1f", "1e3", "2001-01-01", "a", "Z", "_", "-", "é", "日", "🔑",
}

type hostile struct{ *rand.Rand }

func (h hostile) text() string {
	var b strings.Builder
	for range h.IntN(5) {
		b.WriteString(fragments[h.IntN(len(fragments))])
	}
	return b.String()
}

func (h hostile) value(depth int) any {
	switch n := h.IntN(10); {
	case depth > 0 && n < 3:
		return h.tree(depth - 1)
	case depth > 0 && n == 3:
		return []any{h.value(0), tree{"name": h.text(), "value": h.text()}, h.value(depth - 1)}
	case n == 4:
		return h.Float64() * 1e9
	case n == 5:
		return h.IntN(2) == 0
	case n == 6:
		return float64(h.IntN(1e9))
	}
	return h.text()
}

func (h hostile) tree(depth int) tree {
	out := tree{}
	for range h.IntN(5) {
		out[h.text()] = h.value(depth)
	}
	return out
}

func (h hostile) fleet(names bool) []*Release {
	found := []*Release{system(h.tree(3))}
	for i := range 1 + h.IntN(3) {
		r := live(fmt.Sprintf("t%d", i), h.tree(3))
		w := &Release{Namespace: r.Namespace, Name: fmt.Sprintf("wazuh-t%d", i), Status: "deployed", Chart: "wazuh", Version: "0.2.0", Config: h.tree(2)}
		found = append(found, r, w)
	}
	for _, r := range found {
		r.Secrets = []string{h.text(), h.text() + h.text()}
		if names {
			for _, name := range []*string{&r.Name, &r.Version, &r.AppVersion, &r.Status, &r.Namespace} {
				if h.IntN(3) == 0 {
					*name += h.text()
				}
			}
		}
	}
	return found
}

// blocks are the types of a file's blocks, with the names of variables.
func blocks(t *testing.T, r *Result, name string) []string {
	t.Helper()
	f, diags := hclsyntax.ParseConfig(r.Files[name], name, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v\n%s", name, diags, r.Files[name])
	}
	body := f.Body.(*hclsyntax.Body)
	found := slices.Collect(maps.Keys(body.Attributes))
	for _, b := range body.Blocks {
		if b.Type == "variable" {
			found = append(found, b.Labels...)
			continue
		}
		for _, inner := range b.Body.Blocks {
			if b.Type != "tenant" || inner.Type != "companion" || len(inner.Body.Blocks) > 0 {
				t.Errorf("%s holds a block %s in %s:\n%s", name, inner.Type, b.Type, r.Files[name])
			}
		}
		found = append(found, b.Type)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Whatever stands in live values and names, nothing of it becomes configuration.
func TestNothingLiveBecomesConfiguration(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			names := seed%4 == 0
			r, err := Fleet(hostile{rand.New(rand.NewPCG(1, seed))}.fleet(names), Options{Clusters: []Cluster{{}}, Charts: "oci://registry.test/charts"})
			if err != nil && strings.Contains(err.Error(), "would tell a secret") {
				return // it is the name of a value at the root
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := blocks(t, r, FleetFile), []string{"compatibility", "system", "tenant", "tenant_defaults"}; !slices.Equal(got, want) {
				t.Errorf("fleet.hcl holds %v", got)
			}
			want := []string{"system_version", "tenant_version"}
			for _, s := range r.Secrets {
				name, _, _ := strings.Cut(s.Variable, "[")
				want = append(want, name)
			}
			slices.Sort(want)
			if got, want := blocks(t, r, VariablesFile), slices.Compact(want); !slices.Equal(got, want) {
				t.Errorf("variables.hcl holds %q, want %q:\n%s", got, want, r.Files[VariablesFile])
			}
			if len(r.Secrets) > 0 {
				if got := blocks(t, r, SecretsFile); len(got) > 0 {
					t.Errorf("the file for secrets holds %q:\n%s", got, r.Files[SecretsFile])
				}
			}
			for name, data := range r.Files {
				var v any
				if err := yaml.UnmarshalStrict(data, &v); strings.HasSuffix(name, ".yaml") && err != nil {
					t.Errorf("%s: %v\n%s", name, err, data)
				}
			}
			for _, text := range append(slices.Clone(r.Remarks), fmt.Sprint(r.Secrets)) {
				if strings.ContainsAny(text, "\n\r\x1b\u202e") {
					t.Errorf("what is told is not on one line: %q", text)
				}
			}
			if !names {
				if err := r.Prove(load(t, r)); err != nil {
					t.Errorf("%v\n%s", err, r.Files[FleetFile])
				}
			}
		})
	}
}

func TestNoNameEndsAComment(t *testing.T) {
	t.Parallel()
	env := func(value string) tree {
		return tree{"env": []any{tree{"name": "X_TOKEN\nvariable \"evil\" {}\n#", "value": value}}}
	}
	r := fleetOf(t, system(env("t0k3n-1")), live("acme", env("t0k3n-2")), live("beta", env("t0k3n-3")))
	for _, name := range []string{VariablesFile, SecretsFile} {
		if got := blocks(t, r, name); slices.Contains(got, "evil") {
			t.Errorf("%s holds a block of a release's making:\n%s", name, r.Files[name])
		}
	}
}

// Two values may come to one name for a variable, or to one that is taken.
func TestVariablesHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := system(tree{"version": "h3ld-by-a-secret", "version_2": "h3ld-by-another", "tokens": []any{"t-1", "t-2"}, "tokens_2": "t-3"})
	s.Secrets = []string{"h3ld-by-a-secret", "h3ld-by-another", "t-3"}
	found := []*Release{s}
	for _, slug := range []string{"acme", "beta"} {
		r := live(slug, tree{"wazuh": tree{"token": "chart-" + slug}, "secrets": "same-in-all", "version": "h3ld-by-" + slug, "for": tree{"1": "h3ld-too-" + slug}})
		r.Secrets = []string{"h3ld-by-" + slug, "h3ld-too-" + slug, "same-in-all"}
		found = append(found, r, &Release{Namespace: r.Namespace, Name: "wazuh-" + slug, Status: "deployed", Chart: "wazuh", Version: "0.2.0", Config: tree{"token": "companion-" + slug}})
	}
	fleetOf(t, found...)
}
