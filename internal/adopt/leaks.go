package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"sigs.k8s.io/yaml"
)

// leaks makes sure that no file holds a secret, but for the names of the fleet
// that do, which have been told of. Values have been looked through before; what
// is left is what has to stand where it stands.
func (w *writer) leaks() error {
	var names []string
	for _, name := range slices.SortedFunc(slices.Values(w.told), func(a, b string) int { return len(b) - len(a) }) {
		names = append(names, name, "")
	}
	withoutNames := strings.NewReplacer(names...)
	for _, name := range sortedKeys(w.result.Files) {
		texts, err := read(name, w.result.Files[name])
		if err != nil {
			return fmt.Errorf("look for secrets in %s, of which nothing is written: %w", name, err)
		}
		for _, text := range texts {
			if found := w.search.find(withoutNames.Replace(text)); found != "" {
				return fmt.Errorf("%s would tell a secret, %s: something that has to stand there is or holds the same. Nothing is written. Change the secret, or leave the release out with -namespace", name, w.origins[found])
			}
		}
	}
	return nil
}

// read returns a file as it is and everything that a reader of its language sees
// in it: YAML folds long texts, and HCL doubles the signs of its templates.
func read(name string, data []byte) ([]string, error) {
	all := []string{string(data)}
	switch {
	case strings.HasSuffix(name, ".yaml"):
		var v any
		if err := yaml.Unmarshal(data, &v); err != nil {
			return nil, err
		}
		return scalars(v, all), nil
	case strings.HasSuffix(name, ".hcl"):
		tokens, diags := hclsyntax.LexConfig(data, name, hcl.InitialPos)
		if diags.HasErrors() {
			return nil, diags
		}
		var b strings.Builder // the scanner may cut a text
		for _, t := range tokens {
			switch t.Type {
			case hclsyntax.TokenOQuote:
				b.Reset()
			case hclsyntax.TokenQuotedLit:
				b.Write(t.Bytes)
			case hclsyntax.TokenCQuote:
				all = append(all, strings.NewReplacer("$${", "${", "%%{", "%{").Replace(b.String()))
			}
		}
	}
	return all, nil
}

// scalars adds all texts of a tree, the names in it included.
func scalars(v any, all []string) []string {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			all = scalars(e, append(all, k))
		}
	case []any:
		for _, e := range x {
			all = scalars(e, all)
		}
	case string:
		all = append(all, x)
	case float64:
		all = append(all, literal(clone(x)))
	}
	return all
}
