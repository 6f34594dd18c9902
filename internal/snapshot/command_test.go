package snapshot

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// programs are a fleet whose snapshots a script takes, and what the script wrote.
type programs struct {
	dir    string
	driver *command
	config *schema.Snapshot
	record *plan.Snapshot
	told   []string
}

func newPrograms(t *testing.T, script string) *programs {
	t.Helper()
	p := &programs{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(p.dir, "backup.sh"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	argv := []string{"./backup.sh", "volumes"}
	p.config = &schema.Snapshot{Name: "own", Driver: "command", Argv: argv, VerifyArgv: argv, RestoreArgv: argv, DeleteArgv: argv, Store: "file://x"}
	p.record = &plan.Snapshot{ID: newID(), Name: "own", Driver: "command", Address: "tenant.acme", Namespace: "tenant-acme", Release: "tenant-acme", Version: "0.2.0", Revision: 4}
	tenant := &schema.Tenant{Release: schema.Release{Address: "tenant.acme", Snapshots: []*schema.Snapshot{p.config}}}
	p.driver = &command{&Fleet{Files: &schema.Fleet{Root: p.dir, System: &schema.System{}, Tenants: []*schema.Tenant{tenant}}, AllowExec: true}}
	return p
}

func (p *programs) report() apply.Report {
	return apply.Report{Status: func(string) {}, Log: func(s string) { p.told = append(p.told, s) }}
}

func (p *programs) take(ctx context.Context) error {
	if err := p.driver.Check(ctx, p.config, p.record); err != nil {
		return err
	}
	return p.driver.Take(ctx, &Attempt{Config: p.config, Record: p.record, Report: p.report()})
}

func TestCommand(t *testing.T) {
	t.Setenv("SOCTALK_VAR_key", "sk-c4n4ry")
	p := newPrograms(t, `echo "$1 $SOCTALK_SNAPSHOT_ACTION $SOCTALK_SNAPSHOT_ADDRESS $SOCTALK_SNAPSHOT_RELEASE@$SOCTALK_SNAPSHOT_REVISION [$SOCTALK_SNAPSHOT_HANDLE] $SOCTALK_VAR_key" >>did
echo working >&2; echo almost; printf backup-7`)
	if err := p.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.record.Backup != "backup-7" || p.record.Taken == nil {
		t.Errorf("the record says %+v", p.record)
	}
	for _, do := range []func() error{
		func() error { return p.driver.Verify(t.Context(), p.record) },
		func() error { return p.driver.Rehearse(t.Context(), p.record, p.report()) },
		func() error { return p.driver.Restore(t.Context(), p.record, p.report()) },
		func() error { return p.driver.Delete(t.Context(), p.record) },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	did, err := os.ReadFile(filepath.Join(p.dir, "did"))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, action := range []string{"take", "verify", "rehearse", "restore", "delete"} {
		handle := "backup-7"
		if action == "take" {
			handle = ""
		}
		want += "volumes " + action + " tenant.acme tenant-acme@4 [" + handle + "] \n"
	}
	if string(did) != want {
		t.Errorf("the program did\n%swant\n%s", did, want)
	}
	slices.Sort(p.told)
	if got := strings.Join(slices.Compact(p.told), ","); got != "almost,backup-7,working" {
		t.Errorf("told was %q", got)
	}
}

func TestCommandThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		change func(*programs)
		do     func(context.Context, *programs) error
		want   string
	}{
		"it fails":       {"echo no room >&2; exit 7", nil, nil, "take: ./backup.sh: exit status 7; it wrote last:\nno room"},
		"it leaves one":  {"sleep 600 & echo done", nil, nil, "it has ended, but what it had started went on writing and was killed; it wrote last:\ndone"},
		"not allowed":    {"", func(p *programs) { p.driver.fleet.AllowExec = false }, nil, "programs run only with -allow-exec"},
		"it is missing":  {"", func(p *programs) { p.config.Argv = []string{"no-such-program"} }, nil, "find the program no-such-program"},
		"none restores":  {"", func(p *programs) { p.config.RestoreArgv = nil }, func(ctx context.Context, p *programs) error { return p.driver.Restore(ctx, p.record, p.report()) }, "name no program that restores"},
		"none verifies":  {"", func(p *programs) { p.config.VerifyArgv = nil }, func(ctx context.Context, p *programs) error { return p.driver.Rehearse(ctx, p.record, p.report()) }, "name no program that verifies"},
		"its block went": {"", func(p *programs) { p.config.Name = "another" }, func(ctx context.Context, p *programs) error { return p.driver.Verify(ctx, p.record) }, "no longer say how snapshot \"own\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPrograms(t, c.script)
			if c.change != nil {
				c.change(p)
			}
			do := c.do
			if do == nil {
				do = func(ctx context.Context, p *programs) error { return p.take(ctx) }
			}
			if err := do(t.Context(), p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestCommandIsStoppedWhole stops a program that has started another, which holds
// a pipe open that only its end closes.
func TestCommandIsStoppedWhole(t *testing.T) {
	t.Parallel()
	p := newPrograms(t, "(exec 3>alive; echo started; sleep 600) & wait")
	if err := syscall.Mkfifo(filepath.Join(p.dir, "alive"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	report := p.report()
	report.Log = func(string) { cancel(errors.New("time is up")) }
	ended := make(chan error, 1)
	go func() {
		ended <- p.driver.Take(ctx, &Attempt{Config: p.config, Record: p.record, Report: report})
	}()
	// Opening waits for the other end, reading for its end.
	pipe, err := os.Open(filepath.Join(p.dir, "alive"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pipe.Close() }()
	_ = pipe.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := pipe.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("what the program started lives on: %v", err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "was stopped: time is up") {
		t.Errorf("got %v", err)
	}
}

// A line that is too long is told in parts, and nothing of it is lost.
func TestLongLineIsCut(t *testing.T) {
	t.Parallel()
	var told strings.Builder
	out := &output{log: func(s string) { told.WriteString(s) }}
	l := newStream(out)
	want := strings.Repeat("0123456789", longestLine/4)
	for _, part := range []string{want[:100], want[100:2000], want[2000:]} {
		if _, err := l.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	l.end()
	if told.String() != want {
		t.Errorf("told %d bytes of %d", told.Len(), len(want))
	}
}
