package releases

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/plancache"
	"github.com/soctalk/fleet/plan"
	"k8s.io/utils/dump"
)

// memory recalls what earlier plans found, release by release. What a plan
// finds depends on the live revision, the chart, the values, what the cluster
// offers, the rest of the configuration, and what the templates looked up: all
// but the last is in the fingerprint, and lookups are asked for again.
type memory struct {
	cache *plancache.Cache
	// of is what all releases have in common.
	of string
}

// kept is what is kept of a release.
type kept struct {
	Outcome *plan.Outcome
	Lookups []helm.Lookup
}

// Remember makes the set use and fill a cache, which may be nil.
func (s *Set) Remember(c *plancache.Cache) { s.cache = c }

func (s *Set) memory() memory {
	system := s.live.Releases[plan.KeyOf(&s.fleet.System.Release)]
	return memory{s.cache, digest(s.key.Config(s.fleet.Inputs), s.live.Database, s.live.Offline, system)}
}

// fingerprint identifies all that a move's outcome depends on, but lookups.
func (s *Set) fingerprint(ctx context.Context, mem memory, m *plan.Move) (string, error) {
	offers, err := s.helm(m.Release).Offers(ctx)
	if err != nil {
		return "", err
	}
	state := ""
	if body := s.live.Bodies[plan.KeyOf(m.Release)]; body != nil {
		state = body.State
	}
	var charts []string
	for _, h := range m.Hops {
		w := s.wanted[plan.At{Address: m.Release.Address, Version: h.To.Original()}]
		if w == nil {
			return "", fmt.Errorf("%s: its chart %s was not fetched", m.Release.Address, h.To)
		}
		definitions, err := s.definitions(ctx, m.Release.Cluster, w.chart)
		if err != nil {
			return "", err
		}
		charts = append(charts, w.chart.Digest, definitions.digest())
	}
	// What the files say of the release is in the configuration's digest.
	move := *m
	move.Release, move.System, move.Tenant, move.Companion, move.Live = nil, nil, nil, nil, nil
	return digest(mem.of, plan.KeyOf(m.Release), m.Release.Address, offers, state, charts, move), nil
}

func digest(parts ...any) string {
	sum := sha256.Sum256([]byte(dump.ForHash(parts)))
	return hex.EncodeToString(sum[:])
}

func outcomeName(m *plan.Move) string { return "outcome/" + m.Release.Address }

// recall returns the outcomes that are known and still true, and the
// fingerprints of all moves.
func (s *Set) recall(ctx context.Context, moves []*plan.Move) (map[string]*plan.Outcome, map[string]string) {
	fingerprints := map[string]string{}
	if s.cache == nil {
		return nil, fingerprints
	}
	mem := s.memory()
	known := map[string]*kept{}
	asked := map[string][]helm.Lookup{} // by cluster
	for _, m := range moves {
		f, err := s.fingerprint(ctx, mem, m)
		if err != nil {
			continue // it shows when the release is rendered
		}
		fingerprints[m.Release.Address] = f
		k := &kept{}
		if s.cache.Get(outcomeName(m), f, k) && k.Outcome != nil {
			known[m.Release.Address] = k
			asked[m.Release.Cluster] = append(asked[m.Release.Cluster], k.Lookups...)
		}
	}
	current := map[string]map[helm.Lookup]bool{}
	for cluster, lookups := range asked {
		now, err := s.clusters[cluster].Helm.Current(ctx, lookups)
		if err != nil {
			continue // then nothing is believed
		}
		current[cluster] = now
	}
	outcomes := map[string]*plan.Outcome{}
	for _, m := range moves {
		k := known[m.Release.Address]
		if k != nil && holds(current[m.Release.Cluster], k.Lookups) {
			outcomes[m.Release.Address] = k.Outcome
		}
	}
	return outcomes, fingerprints
}

func holds(current map[helm.Lookup]bool, lookups []helm.Lookup) bool {
	for _, l := range lookups {
		if !current[l] {
			return false
		}
	}
	return true
}
