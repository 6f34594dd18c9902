package helm

import (
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ParseManifest returns the objects of a manifest, lists taken apart. Duplicate
// keys are tolerated, the last one wins, as Kubernetes does. Namespaces are
// left as written: empty means the release's, or none.
func ParseManifest(manifest string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, doc := range splitDocuments(manifest) {
		objs, err := parseDocument(doc)
		if err != nil {
			return nil, err
		}
		all = append(all, objs...)
	}
	return all, nil
}

// Objects are those of the release's manifest; see [ParseManifest].
func (r *Release) Objects() ([]*unstructured.Unstructured, error) {
	return ParseManifest(r.Manifest.String())
}

func parseDocument(doc string) ([]*unstructured.Unstructured, error) {
	object, err := parseYAML(doc)
	switch {
	case errors.Is(err, errNoObject):
		return nil, &documentError{sourceOf(doc), "what it renders is no Kubernetes object: " + err.Error()}
	case err != nil:
		return nil, &documentError{sourceOf(doc), "what it renders is no YAML: " + plainYAML(err)}
	case object == nil:
		return nil, nil
	}
	return flatten(sourceOf(doc), object)
}

// flatten takes lists apart.
func flatten(source string, object map[string]any) ([]*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{Object: object}
	if !o.IsList() {
		return []*unstructured.Unstructured{o}, nil
	}
	list, err := o.ToList()
	if err != nil {
		return nil, &documentError{source, "what it renders is no list of Kubernetes objects"}
	}
	var all []*unstructured.Unstructured
	for i := range list.Items {
		all = append(all, &list.Items[i])
	}
	return all, nil
}

// splitDocuments splits at lines that begin with three dashes.
func splitDocuments(manifest string) []string {
	var docs []string
	start := 0
	flush := func(end int) {
		if d := strings.TrimSpace(manifest[start:end]); d != "" {
			docs = append(docs, d)
		}
	}
	for at := 0; at < len(manifest); {
		end := strings.IndexByte(manifest[at:], '\n')
		if end < 0 {
			end = len(manifest)
		} else {
			end += at + 1
		}
		if rest, ok := strings.CutPrefix(manifest[at:end], "---"); ok {
			flush(at)
			// Content may follow on the same line.
			start = end - len(rest)
		}
		at = end
	}
	flush(len(manifest))
	return docs
}

// sourceOf names a document by the comment that Helm puts before it.
func sourceOf(doc string) string {
	for line := range strings.Lines(doc) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "# Source: "); ok {
			return name
		}
	}
	return "manifest"
}

// plainYAML keeps the place and the kind of a YAML error and drops the text it
// quotes, which may be a secret.
func plainYAML(err error) string {
	s := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	return quoted.ReplaceAllString(s, "…")
}

// documentError says which document of a manifest cannot be read.
type documentError struct{ source, why string }

func (e *documentError) Error() string { return e.source + ": " + e.why }
