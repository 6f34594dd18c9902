package helm

import (
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// document is one YAML document of a rendered template.
type document struct {
	// source is the template's path.
	source, text string
	kind         string
	objects      []*unstructured.Unstructured
}

// sortFiles does what releaseutil.SortManifests does, to the byte and the
// order, but reads each document once, and its objects with it. What may be a
// hook, or has an odd head, is left to Helm.
func sortFiles(files map[string]string) ([]*release.Hook, []document, error) {
	var hooks []*release.Hook
	var all []document
	for _, source := range slices.Sorted(maps.Keys(files)) {
		if strings.HasPrefix(path.Base(source), "_") {
			continue
		}
		for _, text := range splitTemplate(files[source]) {
			d := document{source: source, text: text}
			object, err := parseYAML(text)
			if err == nil && plainHead(text, object) {
				d.kind, _ = object["kind"].(string)
				if d.objects, err = flatten(source, object); err != nil {
					return nil, nil, err
				}
				all = append(all, d)
				continue
			}
			some, manifests, err := releaseutil.SortManifests(map[string]string{source: text}, nil, releaseutil.InstallOrder)
			if err != nil {
				return nil, nil, err
			}
			hooks = append(hooks, some...)
			for _, m := range manifests {
				d.text, d.kind = m.Content, m.Head.Kind
				if d.objects, err = parseDocument("# Source: " + source + "\n" + m.Content); err != nil {
					return nil, nil, err
				}
				all = append(all, d)
			}
		}
	}
	slices.SortStableFunc(hooks, func(a, b *release.Hook) int { return byKind(a.Kind, b.Kind) })
	slices.SortStableFunc(all, func(a, b document) int { return byKind(a.kind, b.kind) })
	return hooks, all, nil
}

// plainHead says that Helm's own reading of a document's head cannot fail and
// cannot make it a hook.
func plainHead(text string, object map[string]any) bool {
	if object == nil || strings.Contains(text, "hook") {
		return false
	}
	for _, field := range []string{"apiVersion", "kind"} {
		if _, ok := object[field].(string); !ok {
			return false
		}
	}
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		return false
	}
	if _, ok := metadata["name"].(string); !ok {
		return false
	}
	annotations, ok := metadata["annotations"].(map[string]any)
	if !ok && metadata["annotations"] != nil {
		return false
	}
	for key, v := range annotations {
		if _, ok := v.(string); !ok || strings.Contains(key, "hook") {
			return false
		}
	}
	return true
}

var kindRank = func() map[string]int {
	ranks := map[string]int{}
	for i, kind := range releaseutil.InstallOrder {
		ranks[kind] = i
	}
	return ranks
}()

// byKind is Helm's order: known kinds as they are installed, then all others
// by name.
func byKind(a, b string) int {
	rankA, knownA := kindRank[a]
	rankB, knownB := kindRank[b]
	if !knownA && !knownB {
		return strings.Compare(a, b)
	}
	if !knownA {
		rankA = math.MaxInt
	}
	if !knownB {
		rankB = math.MaxInt
	}
	return rankA - rankB
}

// splitTemplate splits a rendered template as releaseutil.SplitManifests does:
// at three dashes that begin the text or a line, and not once more at those
// that directly follow.
func splitTemplate(text string) []string {
	const space = "\t\n\f\r "
	var docs []string
	add := func(doc string) {
		if doc != "" {
			docs = append(docs, strings.TrimSpace(doc))
		}
	}
	rest := strings.TrimSpace(text)
	if after, ok := strings.CutPrefix(rest, "---"); ok {
		rest = strings.TrimLeft(after, space)
	}
	for {
		at := strings.Index(rest, "\n---")
		if at < 0 {
			add(rest)
			return docs
		}
		add(strings.TrimRight(rest[:at], space))
		rest = strings.TrimLeft(rest[at+len("\n---"):], space)
	}
}
