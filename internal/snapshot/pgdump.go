package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/store"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// pgDump dumps the system's database into a store, in PostgreSQL's custom
// format.
type pgDump struct{ fleet *Fleet }

// Check implements Driver.
func (d *pgDump) Check(ctx context.Context, c *schema.Snapshot, s *plan.Snapshot) error {
	if c.Quiesce {
		return errors.New("quiesce is not there yet")
	}
	if err := d.describe(ctx, s); err != nil {
		return err
	}
	st, err := store.Open(ctx, c.Store, d.fleet.Files.Root)
	if err != nil {
		return err
	}
	return st.Close()
}

// Take implements Driver.
func (d *pgDump) Take(ctx context.Context, a *Attempt) error {
	tools, err := d.tools(ctx, a.Record)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close() }()
	if err := d.describe(ctx, a.Record); err != nil {
		return err
	}
	st, err := store.Open(ctx, a.Record.Store, d.fleet.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	taken := time.Now().UTC()
	object, err := st.Put(ctx, objectName(a.Record), func(w io.Writer) error {
		argv := append([]string{"pg_dump", "--format=custom"}, tools.Connection("")...)
		return tools.Run(ctx, database.Program{Argv: argv, Stdout: progress(w, a.Report)})
	})
	if err != nil {
		return err
	}
	a.Record.Taken, a.Record.Object, a.Record.Size, a.Record.SHA256 = &taken, object.Name, object.Size, object.SHA256
	return nil
}

// describe notes what the database is at.
func (d *pgDump) describe(ctx context.Context, s *plan.Snapshot) error {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	conn, err := database.Connect(ctx, k, d.fleet.Files.System.Database, s.Namespace)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if s.SchemaRevision, err = database.Revision(ctx, conn); err != nil {
		return err
	}
	s.ServerVersion, err = database.ServerVersion(ctx, conn)
	return err
}

func (d *pgDump) tools(ctx context.Context, s *plan.Snapshot) (database.Programs, error) {
	if d.fleet.Files.System.Database == nil {
		return nil, errors.New("the files have no database block, which says how the database is reached")
	}
	k, err := d.fleet.cluster(s)
	if err != nil {
		return nil, err
	}
	return database.Tools(ctx, k, d.fleet.Files.System.Database, s.Namespace)
}

// Verify implements Driver: the whole dump is held against its checksum, and
// its table of contents is read.
func (d *pgDump) Verify(ctx context.Context, s *plan.Snapshot) error {
	tools, err := d.tools(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close() }()
	return d.read(ctx, s, func(r io.Reader) error {
		return tools.Run(ctx, database.Program{Argv: []string{"pg_restore", "--list"}, Stdin: r, Stdout: io.Discard})
	})
}

func (d *pgDump) read(ctx context.Context, s *plan.Snapshot, read func(io.Reader) error) error {
	st, err := store.Open(ctx, s.Store, d.fleet.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	return st.Get(ctx, store.Object{Name: s.Object, Size: s.Size, SHA256: s.SHA256}, read)
}

// Rehearse implements Driver.
func (d *pgDump) Rehearse(context.Context, *plan.Snapshot, apply.Report) error {
	return errors.New("restoring into a scratch database is not there yet")
}

// Restore implements Driver: in one transaction, so that the database is either
// as it was or as it was saved.
func (d *pgDump) Restore(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	if err := d.Verify(ctx, s); err != nil {
		return err
	}
	tools, err := d.tools(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close() }()
	report.Status("restoring the database")
	argv := append([]string{"pg_restore", "--clean", "--if-exists", "--single-transaction", "--exit-on-error"}, tools.Connection("")...)
	return d.read(ctx, s, func(r io.Reader) error {
		return tools.Run(ctx, database.Program{Argv: argv, Stdin: r, Stdout: io.Discard})
	})
}

// Delete implements Driver.
func (d *pgDump) Delete(ctx context.Context, s *plan.Snapshot) error {
	st, err := store.Open(ctx, s.Store, d.fleet.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	return st.Delete(ctx, objectName(s))
}

// objectName is what a dump is called in its store: known before it is there.
func objectName(s *plan.Snapshot) string {
	return fmt.Sprintf("%s/%s/%s.dump", s.Namespace, s.Release, s.ID)
}

// progress reports how much was written.
func progress(w io.Writer, report apply.Report) io.Writer { return &counter{to: w, report: report} }

// tellEvery is how much is written between two words about it.
const tellEvery = 16 << 20

type counter struct {
	to          io.Writer
	report      apply.Report
	total, told int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	if c.total += int64(n); c.total-c.told >= tellEvery {
		c.told = c.total
		c.report.Status(fmt.Sprintf("%d MiB dumped", c.total>>20))
	}
	return n, err
}
