package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/internal/store"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// mostTables bounds the rows that a record tells of: it has to fit into an
// object of the cluster.
const mostTables = 4000

// pgDump dumps the system's database into a store, in PostgreSQL's custom
// format.
type pgDump struct{ fleet *Fleet }

// Check implements Driver: the database is there, a fitting pg_dump is at hand,
// and the store can be written to.
func (d *pgDump) Check(ctx context.Context, c *schema.Snapshot, s *plan.Snapshot) error {
	tools, err := d.tools(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close() }()
	if err := d.fits(ctx, tools, s); err != nil {
		return err
	}
	return d.fleet.checkStore(ctx, c.Store)
}

// fits holds the programs against the server: an older pg_dump does not dump a
// newer server.
func (d *pgDump) fits(ctx context.Context, tools database.Programs, s *plan.Snapshot) error {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return err
	}
	conn, err := database.Connect(ctx, k, d.fleet.Files.System.Database, s.Namespace)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	server, err := database.ServerVersion(ctx, conn)
	if err != nil {
		return err
	}
	want, err := database.Major(server)
	if err != nil {
		return err
	}
	for _, program := range []string{"pg_dump", "pg_restore", "psql"} {
		have, err := database.Version(ctx, tools, program)
		if err != nil {
			return err
		}
		if have < want {
			return fmt.Errorf("%s is of PostgreSQL %d and the server of %s: a dump needs programs that are at least as new as the server", program, have, server)
		}
	}
	return nil
}

// Writers implements Driver: the API and all else of the system's release that
// is no database.
func (d *pgDump) Writers(ctx context.Context, s *plan.Snapshot) ([]plan.Scaled, error) {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return nil, err
	}
	return workloadsOf(ctx, k, s.Namespace, s.Release, deployment)
}

// Take implements Driver. What the record says of the database is of the very
// moment that the dump shows.
func (d *pgDump) Take(ctx context.Context, a *Attempt) error {
	s := a.Record
	tools, err := d.tools(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close() }()
	st, err := store.Open(ctx, s.Store, d.fleet.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	session, err := database.OpenSession(ctx, tools, "")
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	size, err := database.Size(ctx, session)
	if err != nil {
		return err
	}
	taken := time.Now().UTC()
	object, err := st.Put(ctx, objectName(s), size, func(w io.Writer) error {
		argv := append([]string{"pg_dump", "--format=custom", "--snapshot=" + session.Snapshot}, tools.Connection("")...)
		return tools.Run(ctx, database.Program{Argv: argv, Stdout: &counter{to: w, say: func(n int64) { a.Report.Status(fmt.Sprintf("%d MiB dumped", n>>20)) }}})
	})
	if err != nil {
		return err
	}
	a.Report.Status("counting rows")
	if err := describe(ctx, session, s); err != nil {
		return err
	}
	s.Taken, s.Object, s.Size, s.SHA256 = &taken, object.Name, object.Size, object.SHA256
	return nil
}

// describe notes what is in a database.
func describe(ctx context.Context, c database.Conn, s *plan.Snapshot) (err error) {
	if s.SchemaRevision, err = database.Revision(ctx, c); err != nil {
		return err
	}
	if s.ServerVersion, err = database.ServerVersion(ctx, c); err != nil {
		return err
	}
	if s.Rows, err = database.Rows(ctx, c); len(s.Rows) > mostTables {
		s.Rows = nil
	}
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
	contents := &strings.Builder{}
	err = d.read(ctx, s, func(r io.Reader) error {
		return tools.Run(ctx, database.Program{Argv: []string{"pg_restore", "--list"}, Stdin: r, Stdout: contents})
	})
	if err == nil && !strings.Contains(contents.String(), "TOC Entries") {
		return errors.New("pg_restore finds no table of contents in it")
	}
	return err
}

func (d *pgDump) read(ctx context.Context, s *plan.Snapshot, read func(io.Reader) error) error {
	st, err := store.Open(ctx, s.Store, d.fleet.Files.Root)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	return st.Get(ctx, store.Object{Name: s.Object, Size: s.Size, SHA256: s.SHA256}, read)
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

// sayEvery is how many bytes pass between two words about them.
const sayEvery = 16 << 20

// counter says how much has passed.
type counter struct {
	to          io.Writer
	say         func(int64)
	total, said int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	if c.total += int64(n); c.total-c.said >= sayEvery {
		c.said = c.total
		c.say(c.total)
	}
	return n, err
}
