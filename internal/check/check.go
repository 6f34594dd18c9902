package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// answerTimeout is how long a question over the network may take. Jobs and
// programs may take all the time that there is.
const answerTimeout = 30 * time.Second

// Set is the checks of a fleet, for one run.
type Set struct {
	fleet    *schema.Fleet
	clusters map[string]*kube.Cluster
	run      string
	env      []string
	database *database
	api      *soctalkAPI // nil: the files give no way to it
	objects  Objects
	tenants  map[string]*schema.Tenant
	hide     hider // everything that the files call sensitive
}

var _ apply.Checks = (*Set)(nil)

// New makes the checks of a fleet whose clusters are given by name. What they
// create carries the run's id; programs get env, less the fleet's variables;
// objects tells what a release was rendered to.
func New(f *schema.Fleet, clusters map[string]*kube.Cluster, objects Objects, run string, env []string) *Set {
	s := &Set{fleet: f, clusters: clusters, objects: objects, run: run, env: env, tenants: tenantsOf(f), hide: newHider(f.Sensitive)}
	s.database = newDatabase(clusters[f.System.Cluster], f.System)
	s.api = newAPI(clusters[f.System.Cluster], f.System, s.hide)
	return s
}

// Close ends the connections.
func (s *Set) Close() { s.database.close() }

// Programs are the names of a plan's checks that run programs on this machine,
// sorted.
func Programs(doc *plan.Document) []string {
	var names []string
	for name, c := range doc.Rollout.Checks {
		if c.Probe == "command" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// finding is what a probe found: whether that is what is wanted, and what it
// is, in one line.
type finding struct {
	ok   bool
	text string
	seen []string
}

// Probe implements apply.Checks.
func (s *Set) Probe(ctx context.Context, q apply.Question) apply.Answer {
	found, err := s.probe(ctx, q)
	var seen *apply.CauseError
	if errors.As(err, &seen) {
		found.seen = seen.Seen
	}
	if err != nil {
		found.ok, found.text = false, err.Error()
	}
	a := apply.Answer{OK: found.ok, Found: s.hide.line(found.text)}
	for _, line := range found.seen {
		a.Seen = append(a.Seen, s.hide.line(line))
	}
	return a
}

func (s *Set) probe(ctx context.Context, q apply.Question) (finding, error) {
	c := s.fleet.Checks[q.Check]
	if c == nil {
		return finding{}, fmt.Errorf("the files have no check %s", q.Check)
	}
	at, p, err := s.subject(c, q.Address)
	if err != nil {
		return finding{}, err
	}
	if s.kube(at) == nil {
		return finding{}, fmt.Errorf("cluster %s, on which %s is, cannot be used", at.release.Cluster, at.address)
	}
	within := q.Within
	if p.Job == nil && p.Command == nil {
		within = min(within, answerTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	switch {
	case p.HTTP != nil:
		return s.http(ctx, at, p.HTTP)
	case p.SQL != nil:
		return s.sql(ctx, p.SQL)
	case p.Prometheus != nil:
		return s.prometheus(ctx, p.Prometheus)
	case p.Job != nil:
		return s.job(ctx, at, c, p.Job, within)
	case p.Command != nil:
		return s.command(ctx, at, c, p.Command)
	case p.Builtin != "":
		return s.builtin(ctx, at, p.Builtin, q.Since)
	}
	return finding{}, fmt.Errorf("check %s has no probe", c.Name)
}

// subject is what a question is about.
type subject struct {
	address string
	// release is the tenant's, or, for the system and for waves, the system's.
	release *schema.Release
	tenant  *schema.Tenant
}

// subject finds it by its address, with the probe as it is for it.
func (s *Set) subject(c *schema.Check, address string) (subject, *schema.Probe, error) {
	at := subject{address: address, release: &s.fleet.System.Release}
	if t := s.tenants[address]; t != nil {
		at.tenant, at.release = t, &t.Release
		p, diags := c.ForTenant(t)
		return at, p, asError(diags)
	}
	if address == s.fleet.System.Address {
		p, diags := c.ForSystem(s.fleet.System)
		return at, p, asError(diags)
	}
	for _, w := range s.fleet.Rollout.Waves {
		if address == "wave."+w.Name {
			p, diags := c.ForWave(w)
			return at, p, asError(diags)
		}
	}
	return at, nil, fmt.Errorf("the files have no %s", address)
}

func (s *Set) kube(at subject) *kube.Cluster { return s.clusters[at.release.Cluster] }
