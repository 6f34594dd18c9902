package observe

import (
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// FuzzRead holds that any file is refused or understood, and that what is
// understood can be held against a fleet.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"format_version":"1.0","kind":"observation","clusters":[{"name":"c","kubernetes":"v1.33.1","api_versions":["v1"]}],"releases":[{"cluster":"c","namespace":"n","release":"r","tenant":true,"address":"system","owner":"x","live":{"revision":1,"status":"deployed","chart":"x","version":"1.0.0","took":"3s","subcharts":[{"name":"s"}],"defaults":{"a":1},"objects":[{"apiVersion":"v1","kind":"List","items":[]}]}}],"others":[{"cluster":"c","namespace":"n","release":"o","tenant":true}],"prerequisites":{"p":"x"},"database":{"revision":"v1"}}`))
	f.Add([]byte(`{"format_version":"1.0","kind":"observation"}`))
	fleet := &schema.Fleet{
		Clusters: map[string]*schema.Cluster{"c": {Name: "c"}},
		System:   &schema.System{Release: schema.Release{Address: "system", Cluster: "c", Namespace: "n", Name: "r", Version: semver.MustParse("1.0.0")}},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decode(data)
		if err != nil {
			return
		}
		live, _, err := r.For(fleet)
		if err != nil {
			return
		}
		for key, l := range live.Releases {
			if l.Version == nil || !helm.KnownStatus(l.Status) || live.Bodies[key] == nil {
				t.Errorf("%v is %+v", key, l)
			}
			_, _ = live.Bodies[key].Objects()
		}
	})
}

// FuzzRedact holds that no value is left, however values overlap.
func FuzzRedact(f *testing.F) {
	f.Add("abcdef", "defghi", "x abcdefghi y")
	f.Add("aaaa", "aaaaa", "aaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, a, b, text string) {
		a, b = strings.TrimSpace(a), strings.TrimSpace(b)
		// What the mark itself holds cannot be told from it.
		if len(a) < shortest || len(b) < shortest || strings.Contains(plan.Redacted, a) || strings.Contains(plan.Redacted, b) || strings.ContainsAny(a+b, "()") {
			return
		}
		r := &redactor{secrets: newPatterns(), all: newPatterns(), public: map[string]bool{}, coded: map[string]bool{}, made: map[string]bool{}}
		r.all.add(a)
		r.all.add(b)
		out := r.text(text, nil)
		for part := range strings.SplitSeq(out, plan.Redacted) {
			if strings.Contains(part, a) || strings.Contains(part, b) {
				t.Errorf("%q with %q and %q taken out is %q", text, a, b, out)
			}
		}
	})
}
