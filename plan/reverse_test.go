package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
)

// randomRuns is how many runs are taken back.
const randomRuns = 4_000

// pastRun is a run of a plan that came to some step, by a simulated Helm.
type pastRun struct {
	w        *world
	undo     *Undo
	versions map[string]string
	newest   map[string]int
}

// runTo carries out a plan up to a step, which it may leave half done.
func runTo(w *world, doc *Document, until int, cut bool) *pastRun {
	p := &pastRun{w: w, versions: map[string]string{}, newest: map[string]int{}, undo: &Undo{
		Run: "r", Plan: doc, Deeds: NewDeeds(), Point: StartPoint, AcceptLoss: true, Fleet: w.fleet,
		Live: map[string]*Standing{}, Unread: map[string]string{}, Stored: map[Stored]*Live{}, Damaged: map[string]string{},
	}}
	for _, r := range doc.Releases {
		p.versions[r.Address], p.newest[r.Address] = r.From, r.Base.Revision
		p.keep(r.Address, r.From)
	}
	for i, s := range doc.Steps[:until] {
		half := cut && i == until-1
		p.undo.Deeds.Begun[s.ID], p.undo.Deeds.Done[s.ID] = true, !half
		switch {
		case s.Kind == StepSnapshot && !half:
			at := time.Unix(int64(i), 0)
			p.undo.Snapshots = append(p.undo.Snapshots, &Snapshot{ID: "of " + s.ID, State: Taken, Step: s.ID, Name: s.Snapshot, Driver: s.Driver, Taken: &at})
		case s.Kind == StepUninstall && !half:
			p.versions[s.Address] = ""
		case revises(s):
			p.newest[s.Address]++
			if s.To != "" {
				p.versions[s.Address] = s.To
			}
			if !half {
				p.undo.Deeds.Made[s.ID] = p.newest[s.Address]
			}
			p.keep(s.Address, s.To)
		}
	}
	for _, point := range doc.RollbackPoints {
		if i := slices.IndexFunc(doc.Steps, func(s Step) bool { return s.ID == point.After }); i < until-1 || i < until && !cut {
			p.undo.Deeds.Reached[point.ID] = true
		}
	}
	for _, r := range doc.Releases {
		if v := p.versions[r.Address]; v != "" {
			p.undo.Live[r.Address] = &Standing{Own: p.newest[r.Address] != r.Base.Revision, Live: &Live{Revision: p.newest[r.Address], Status: "deployed", Version: semver.MustParse(v), Chart: "c", Digest: "d"}}
		}
	}
	return p
}

func (p *pastRun) keep(address, version string) {
	if version == "" {
		return
	}
	revision := p.newest[address]
	p.undo.Stored[Stored{address, revision}] = &Live{Revision: revision, Status: "superseded", Version: semver.MustParse(version), Chart: "c"}
}

func (p *pastRun) back(t testing.TB) *Document {
	t.Helper()
	v := Reverse(p.undo)
	if len(v.Lacks) > 0 {
		t.Fatalf("it asks for revisions that no one made: %v", v.Lacks)
	}
	outcomes := map[string]*ReturnOutcome{}
	for _, r := range v.Returns {
		if len(r.Legs) > 0 && r.Live != nil {
			outcomes[r.Release.Address] = v.Compare(r, nil, nil, p.undo.Stored[Stored{r.Release.Address, r.Final}], nil)
		}
	}
	return v.Build(outcomes, nil, Stamp{ID: "back", ToolVersion: "test", Key: testKey})
}

// goBack carries out some steps of a way back.
func (p *pastRun) goBack(steps []Step) {
	for _, s := range steps {
		switch s.Kind {
		case StepRestore:
			p.undo.Deeds.Restored[s.Records[0]] = true
		case StepUninstall:
			p.versions[s.Address] = ""
			delete(p.undo.Live, s.Address)
		case StepRollback:
			p.newest[s.Address]++
			p.versions[s.Address] = s.To
			p.undo.Deeds.Back(s.Address, p.newest[s.Address], s.Revision)
			p.undo.Live[s.Address] = &Standing{Own: true, Live: &Live{Revision: p.newest[s.Address], Status: "deployed", Version: semver.MustParse(s.To), Chart: "c", Digest: "d"}}
		}
	}
}

// Whatever the fleet and wherever its run ended: a way back that can be taken
// ends where the run was at the point, and no order of its steps and no step
// that fails brings about a forbidden pair that the run had not found live.
func TestWaysBackAreLegal(t *testing.T) {
	t.Parallel()
	taken, again, stops, refused, restores, why := 0, 0, 0, 0, 0, map[string]int{}
	for seed := range uint64(randomRuns) {
		r := rand.New(rand.NewPCG(seed, 11))
		w := randomWorld(r)
		forth := w.plan()
		if HasErrors(forth.Diagnostics) || len(forth.Steps) == 0 {
			continue
		}
		p := runTo(w, forth, 1+r.IntN(len(forth.Steps)), r.IntN(4) == 0)
		if points := forth.RollbackPoints; len(points) > 0 && r.IntN(2) == 0 {
			p.undo.Point = points[r.IntN(len(points))].ID
		}
		doc := p.back(t)
		if n := len(doc.Steps); n > 1 && r.IntN(3) == 0 {
			p.goBack(doc.Steps[:1+r.IntN(n-1)])
			again++
			doc = p.back(t)
		}
		if HasErrors(doc.Diagnostics) {
			refused++
			why[doc.errorSummaries()[0]]++
			continue
		}
		taken++
		c := newChecker(w, doc)
		c.inherited = map[string]bool{}
		for _, f := range forth.Releases {
			c.inherited[w.systemBefore()+" "+f.From] = true
		}
		if err := c.graph(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := c.walk(r); err != nil {
			t.Fatalf("seed %d, to %s: %v\n%s", seed, p.undo.Point, err, strings.Join(stepIDs(doc), "\n"))
		}
		if err := p.arrives(doc); err != nil {
			t.Fatalf("seed %d, to %s: %v\n%s", seed, p.undo.Point, err, strings.Join(stepIDs(doc), "\n"))
		}
		if slices.ContainsFunc(doc.Steps, func(s Step) bool { return s.Phase > 0 }) {
			stops++
		}
		restores += len(doc.Losses)
	}
	t.Logf("%d ways back, %d in two attempts, %d over several stops, %d restores, %d refused: %v", taken, again, stops, restores, refused, why)
	if taken < randomRuns/10 || stops < 3 || restores < randomRuns/50 {
		t.Error("the random runs are too tame")
	}
}

// systemBefore is what the system was before the run.
func (w *world) systemBefore() string {
	if live := w.live.Releases[KeyOf(&w.fleet.System.Release)]; live.Deployed() {
		return live.Version.String()
	}
	return ""
}

// arrives says whether a way back leads every release that the run changed to
// where it was at the point, with a restore where Helm alone does not get there.
func (p *pastRun) arrives(doc *Document) error {
	at := -1
	for _, point := range p.undo.Plan.RollbackPoints {
		if point.ID == p.undo.Point {
			at = slices.IndexFunc(p.undo.Plan.Steps, func(s Step) bool { return s.ID == point.After })
		}
	}
	want := map[string]string{}
	for _, r := range p.undo.Plan.Releases {
		want[r.Address] = r.From
	}
	hard := map[string]bool{}
	for i, s := range p.undo.Plan.Steps {
		if !revises(s) || !p.undo.Deeds.Begun[s.ID] {
			continue
		}
		if i <= at {
			want[s.Address] = s.To
			continue
		}
		for _, r := range p.undo.Plan.Releases {
			hard[s.Address] = hard[s.Address] || r.Address == s.Address && r.Path[s.Hop].Reversibility == RestoreRequired
		}
	}
	got, restored := map[string]string{}, map[string]bool{}
	for _, s := range p.undo.Snapshots {
		if p.undo.Deeds.Restored[s.ID] {
			restored[strings.Split(s.Step, "/")[0]] = true
		}
	}
	for address, v := range p.versions {
		got[address] = v
	}
	for _, s := range doc.Steps {
		switch s.Kind {
		case StepRestore:
			restored[s.Address] = true
		case StepRollback, StepUninstall:
			if got[s.Address] != s.From {
				return fmt.Errorf("%s goes from %s, and it is at %s", s.ID, s.From, got[s.Address])
			}
			got[s.Address] = s.To
		}
	}
	for address, v := range want {
		if got[address] != v {
			return fmt.Errorf("%s ends at %q, want %q", address, got[address], v)
		}
		if hard[address] && !restored[address] && v != "" {
			return fmt.Errorf("%s goes back without the restore that it requires", address)
		}
	}
	return nil
}
