package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/soctalk/fleet/internal/store"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Ready finds out what would keep the snapshots of a plan from being taken,
// before its run changes anything: a store that cannot be written to, a database
// or a program that is not there, a Velero that has no place for backups. It asks
// once for all that are taken alike, so that it costs the same however many
// tenants there are, and leaves nothing behind. What depends on the single release
// is looked at in the plan, and again at its turn.
func (f *Fleet) Ready(ctx context.Context, doc *plan.Document) error {
	releases := releasesOf(doc)
	asked := map[string]bool{}
	var problems []error
	for _, s := range doc.Steps {
		if s.Kind != plan.StepSnapshot {
			continue
		}
		r := releases[s.Address]
		record := &plan.Snapshot{ID: newID(), Name: s.Snapshot, Driver: s.Driver, Address: r.Address, Cluster: r.Cluster, Namespace: r.Namespace, Release: r.Name}
		c, err := f.config(record)
		if err != nil {
			return err
		}
		alike := likeness(r.Cluster, c)
		if asked[alike] {
			continue
		}
		asked[alike] = true
		if err := f.ready(ctx, c, record); err != nil {
			problems = append(problems, fmt.Errorf("snapshot %q of %s: %w", s.Snapshot, s.Address, err))
		}
	}
	return errors.Join(problems...)
}

func releasesOf(doc *plan.Document) map[string]plan.Release {
	all := map[string]plan.Release{}
	for _, r := range doc.Releases {
		all[r.Address] = r
	}
	return all
}

// likeness is the same for snapshots of which the same is asked.
func likeness(cluster string, c *schema.Snapshot) string {
	return fmt.Sprintf("%q", []string{
		cluster, c.Driver, c.Location, c.Store, fmt.Sprint(len(c.Recipients) > 0),
		strings.Join(c.Argv, "\x00"), strings.Join(c.VerifyArgv, "\x00"), strings.Join(c.RestoreArgv, "\x00"), strings.Join(c.DeleteArgv, "\x00"),
	})
}

// ready asks for one block.
func (f *Fleet) ready(ctx context.Context, c *schema.Snapshot, s *plan.Snapshot) error {
	switch c.Driver {
	case "pg_dump", "command":
		driver, err := f.Driver(c.Driver)
		if err != nil {
			return err
		}
		if err := driver.Check(ctx, c, s); err != nil {
			return err
		}
	case "velero":
		k, err := f.cluster(s)
		if err != nil {
			return err
		}
		if _, err := locate(ctx, k, c.Location); err != nil {
			return err
		}
	}
	if len(c.Recipients) == 0 || c.Driver == "pg_dump" {
		return nil
	}
	return f.checkStore(ctx, c.Store)
}

// checkStore makes sure that something can be put into a store.
func (f *Fleet) checkStore(ctx context.Context, url string) error {
	st, err := store.Open(ctx, url, f.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	return st.Check(ctx)
}

// Restorable makes sure that the snapshots which a plan brings back are there and
// whole, before its run changes anything. records are those that there are.
func (f *Fleet) Restorable(ctx context.Context, doc *plan.Document, records []*plan.Snapshot) error {
	known := map[string]*plan.Snapshot{}
	for _, r := range records {
		known[r.ID] = r
	}
	var problems []error
	for _, s := range doc.Steps {
		if s.Kind != plan.StepRestore {
			continue
		}
		for _, id := range s.Records {
			if err := f.verify(ctx, known[id]); err != nil {
				problems = append(problems, fmt.Errorf("snapshot %s of %s: %w", id, s.Address, err))
			}
		}
	}
	return errors.Join(problems...)
}

func (f *Fleet) verify(ctx context.Context, s *plan.Snapshot) error {
	if s == nil {
		return errors.New("it is not on record any more")
	}
	driver, err := f.Driver(s.Driver)
	if err != nil {
		return err
	}
	return driver.Verify(ctx, s)
}
