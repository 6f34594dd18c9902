package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// CRDWant is a custom resource definition that a hop has to bring to what its
// chart says, because Helm does not.
type CRDWant struct {
	Name string
	// Digest tells different definitions of one name apart.
	Digest string
}

// crds adds to an outcome what the hops change about definitions. live are those
// of the cluster; every hop finds what the one before has left.
func (o *Outcome) crds(m *Move, renders []*Rendered) {
	now := map[string]Object{}
	for _, r := range renders {
		for _, live := range r.LiveCRDs {
			if _, known := now[keyOf(live).name]; !known {
				now[keyOf(live).name] = live
			}
		}
	}
	first := slices.Collect(maps.Values(now))
	for i, h := range m.Hops {
		var wants []CRDWant
		for _, c := range CRDChanges(slices.Collect(maps.Values(now)), renders[i].CRDs, h.From == nil) {
			j := slices.IndexFunc(renders[i].CRDs, func(x Object) bool { return keyOf(x).name == c.Name })
			wants = append(wants, CRDWant{c.Name, definitionDigest(renders[i].CRDs[j])})
			if stuck := StuckVersions(now[c.Name], renders[i].CRDs[j]); c.Action == Change && len(stuck) > 0 {
				o.Refusals = append(o.Refusals, Problem{Attr: "version", Summary: "Definition drops a version that is stored", Detail: fmt.Sprintf(
					"%s: chart %s drops version %s of %s, in which objects may be stored. Kubernetes refuses that. Migrate the stored objects and take the version out of the definition's status.storedVersions first.",
					describe(m.Release), h.To, strings.Join(stuck, ", "), c.Name)})
			}
		}
		for _, want := range renders[i].CRDs {
			now[keyOf(want).name] = want
		}
		o.Wants = append(o.Wants, wants)
	}
	o.Class.CRDs = CRDChanges(first, renders[len(renders)-1].CRDs, m.From == nil)
}

func definitionDigest(o Object) string {
	data, err := json.Marshal(o)
	if err != nil {
		panic("plan: a definition is not encodable: " + err.Error()) // it came as JSON
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// scheduled is a definition as some step of the plan leaves it.
type scheduled struct {
	digest  string
	version *semver.Version
}

// crds adds the step that brings definitions to what a hop's chart says. They
// are the whole cluster's, so equal ones are brought once, and of different ones
// an older chart's never replaces a newer's.
func (b *stepBuilder) crds(m *Move, h *Hop) {
	var names []string
	for _, want := range h.crds {
		key := m.Release.Cluster + "/" + want.Name
		if done, known := b.scheduled[key]; known && (done.digest == want.Digest || !done.version.LessThan(h.To)) {
			continue
		}
		b.scheduled[key] = scheduled{want.Digest, h.To}
		names = append(names, want.Name)
	}
	if len(names) == 0 {
		return
	}
	slices.SortFunc(names, cmp.Compare)
	s := b.step(m, h, StepCRDs, m.Release.Timeout)
	s.CRDs, s.Tenant, s.Wave, s.Window = names, "", "", ""
	b.add(s, b.last)
}

// tenantCRDs brings the definitions of all tenants' charts before the first wave.
func (b *stepBuilder) tenantCRDs(moves []*Move) {
	for _, m := range moves {
		for _, h := range m.Hops {
			if h.Phase == b.phase {
				before := len(b.steps)
				if b.crds(m, h); len(b.steps) > before {
					b.settled = b.last
				}
			}
		}
	}
}
