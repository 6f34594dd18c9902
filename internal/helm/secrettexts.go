package helm

import (
	"encoding/base64"
	"slices"
	"sort"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/soctalk/fleet/internal/kube"
)

// Scrubber returns what hides the values of a target, and what its rendered
// Secrets hold, in texts that were made elsewhere, such as a migration's log.
func (c *Client) Scrubber(t Target, rendered *Rendered) (func(string) string, error) {
	values, err := EffectiveValues(t.Values, t.Set)
	if err != nil {
		return nil, err
	}
	return c.scrubber(t, values).and(slices.Concat(secretTexts(rendered.Objects), rendered.LookedUp)).text, nil
}

// SecretTexts are what the Secrets of a release hold.
func (r *Release) SecretTexts() ([]string, error) {
	objects, err := r.Objects()
	if err != nil {
		return nil, err
	}
	return secretTexts(objects), nil
}

// secretTexts are what Secrets hold: chart authors generate some of it, which
// is in no values.
func secretTexts(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, o := range objects {
		if o.GetKind() != "Secret" {
			continue
		}
		data, _, _ := unstructured.NestedMap(o.Object, "data")
		walkStrings(data, func(v string) {
			if text, err := base64.StdEncoding.DecodeString(v); err == nil {
				all = append(all, string(text))
			}
		})
		plain, _, _ := unstructured.NestedMap(o.Object, "stringData")
		walkStrings(plain, func(v string) { all = append(all, v) })
	}
	return all
}

// and hides further texts.
func (s *scrubber) and(texts []string) *scrubber {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	more := newScrubber(map[string]any{"texts": list}, s.public...)
	both := &scrubber{
		public: s.public, secrets: slices.Concat(s.secrets, more.secrets), certain: slices.Concat(s.certain, more.certain),
		long: slices.Concat(s.long, more.long), short: slices.Concat(s.short, more.short),
	}
	both.sort()
	return both
}

// sort puts the longest first, so that none leaves a part of another.
func (s *scrubber) sort() {
	for _, list := range [][]string{s.long, s.short} {
		sort.Slice(list, func(i, j int) bool { return len(list[i]) > len(list[j]) })
	}
}

func (s *scrubber) reasons(all []kube.Reason) {
	for i := range all {
		all[i].Edit(s.text)
	}
}
