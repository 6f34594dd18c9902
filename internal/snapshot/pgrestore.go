package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/database"
	"github.com/soctalk/fleet/plan"
)

// emptied takes everything out of a database that a dump could hold, so that
// nothing of a later schema stays. The public schema is left as a new database
// has it.
const emptied = `BEGIN;
SET LOCAL lock_timeout = '60s';
SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
DO $$ DECLARE s name; BEGIN
  FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', s);
  END LOOP;
  CREATE SCHEMA public;
  COMMENT ON SCHEMA public IS 'standard public schema';
  IF current_setting('server_version_num')::int >= 150000 THEN
    ALTER SCHEMA public OWNER TO pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
  ELSE
    GRANT ALL ON SCHEMA public TO PUBLIC;
  END IF;
END $$;
`

// Restore implements Driver: in one transaction, so that the database is either
// as it was or as it was saved.
func (d *pgDump) Restore(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	report.Status("reading the dump")
	if err := d.Verify(ctx, s); err != nil {
		return err
	}
	tools, err := d.tools(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close() }()
	report.Status("restoring the database")
	if err := d.replace(ctx, tools, s); err != nil {
		return err
	}
	report.Status("counting rows")
	return d.compare(ctx, tools, "", s)
}

// replace feeds psql with a transaction that is committed only when the dump was
// read to its end and is sound: where that fails, psql's input ends without it.
func (d *pgDump) replace(ctx context.Context, tools database.Programs, s *plan.Snapshot) error {
	stdin, script := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := d.script(ctx, tools, s, script)
		_ = script.Close()
		written <- err
	}()
	argv := append([]string{"psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"}, tools.Connection("")...)
	restored := tools.Run(ctx, database.Program{Argv: argv, Stdin: stdin, Stdout: io.Discard})
	_ = stdin.CloseWithError(errEnded)
	err := <-written
	if restored != nil || errors.Is(err, errEnded) {
		return restored
	}
	return err
}

var errEnded = errors.New("psql has ended")

func (d *pgDump) script(ctx context.Context, tools database.Programs, s *plan.Snapshot, to io.Writer) error {
	if _, err := io.WriteString(to, emptied); err != nil {
		return err
	}
	err := d.read(ctx, s, func(dump io.Reader) error {
		return tools.Run(ctx, database.Program{Argv: []string{"pg_restore", "--file=-"}, Stdin: dump, Stdout: to})
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(to, "\nCOMMIT;\n")
	return err
}

// compare holds what is in a database against what was saved.
func (d *pgDump) compare(ctx context.Context, tools database.Programs, name string, s *plan.Snapshot) error {
	session, err := database.OpenSession(ctx, tools, name)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	found := &plan.Snapshot{}
	if err := describe(ctx, session, found); err != nil {
		return err
	}
	if found.SchemaRevision != s.SchemaRevision {
		return fmt.Errorf("the restored database is at schema revision %q, and %q was saved", found.SchemaRevision, s.SchemaRevision)
	}
	if s.Rows == nil {
		return nil
	}
	var wrong []string
	for table, n := range s.Rows {
		if have, ok := found.Rows[table]; !ok || have != n {
			wrong = append(wrong, fmt.Sprintf("%s has %d rows and had %d", table, have, n))
		}
	}
	for table := range found.Rows {
		if _, ok := s.Rows[table]; !ok {
			wrong = append(wrong, table+" was not there")
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("the restored database is not what was saved: %s", strings.Join(wrong[:min(len(wrong), 5)], "; "))
	}
	return nil
}

// Rehearse implements Driver: in a database of its own beside the real one. What
// a rehearsal that was cut off has left is removed by the next one.
func (d *pgDump) Rehearse(ctx context.Context, s *plan.Snapshot, report apply.Report) (err error) {
	report.Status("reading the dump")
	if err := d.Verify(ctx, s); err != nil {
		return err
	}
	tools, err := d.tools(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close() }()
	scratch := "soctalk_verify_" + strings.ReplaceAll(strings.ToLower(s.ID), "-", "_")
	if err := statements(ctx, tools, dropped(scratch), fmt.Sprintf(`CREATE DATABASE "%s" TEMPLATE template0`, scratch)); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		err = errors.Join(err, statements(ctx, tools, dropped(scratch)))
	}()
	report.Status("restoring into database " + scratch)
	argv := append([]string{"pg_restore", "--exit-on-error"}, tools.Connection(scratch)...)
	err = d.read(ctx, s, func(dump io.Reader) error {
		return tools.Run(ctx, database.Program{Argv: argv, Stdin: dump, Stdout: io.Discard})
	})
	if err != nil {
		return err
	}
	report.Status("counting rows")
	return d.compare(ctx, tools, scratch, s)
}

func dropped(database string) string {
	return fmt.Sprintf(`DROP DATABASE IF EXISTS "%s" WITH (FORCE)`, database)
}

// statements runs each statement by itself.
func statements(ctx context.Context, tools database.Programs, sql ...string) error {
	argv := append([]string{"psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"}, tools.Connection("")...)
	for _, statement := range sql {
		argv = append(argv, "--command="+statement)
	}
	return tools.Run(ctx, database.Program{Argv: argv, Stdout: io.Discard})
}

// Moved says whether the database is at another schema revision than it was
// saved at.
func (d *pgDump) Moved(ctx context.Context, s *plan.Snapshot) (bool, error) {
	tools, err := d.tools(ctx, s)
	if err != nil {
		return false, err
	}
	defer func() { _ = tools.Close() }()
	session, err := database.OpenSession(ctx, tools, "")
	if err != nil {
		return false, err
	}
	defer func() { _ = session.Close() }()
	revision, err := database.Revision(ctx, session)
	return revision != s.SchemaRevision, err
}
