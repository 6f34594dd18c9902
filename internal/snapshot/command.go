package snapshot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/soctalk/fleet/apply"
	"github.com/soctalk/fleet/internal/lines"
	"github.com/soctalk/fleet/internal/program"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// longestLine is where a line is cut, lastLines how many are shown of a program
// that fails.
const longestLine, lastLines = 1 << 10, 10

// command lets programs of the files save, verify, restore and delete. What they
// made is known by the last line that the saving one wrote.
type command struct{ fleet *Fleet }

// errNoExec refuses to run programs.
var errNoExec = errors.New("the files name a program, and programs run only with -allow-exec")

// Programs are the names of a plan's snapshots that a program on this machine
// takes or brings back.
func Programs(doc *plan.Document) []string {
	names := map[string]bool{}
	for _, s := range doc.Steps {
		if s.Driver == "command" {
			names[s.Snapshot] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Check implements Driver.
func (d *command) Check(_ context.Context, c *schema.Snapshot, _ *plan.Snapshot) error {
	if !d.fleet.AllowExec {
		return errNoExec
	}
	for _, argv := range [][]string{c.Argv, c.VerifyArgv, c.RestoreArgv, c.DeleteArgv} {
		if len(argv) == 0 {
			continue
		}
		if err := d.find(argv[0]); err != nil {
			return fmt.Errorf("find the program %s: %w", argv[0], err)
		}
	}
	return nil
}

// find looks for a program as it is run: a path is one from the configuration's
// folder.
func (d *command) find(name string) error {
	if strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
		path, err := filepath.Abs(filepath.Join(d.fleet.Files.Root, name))
		if err != nil {
			return err
		}
		name = path
	}
	_, err := exec.LookPath(name)
	return err
}

// Writers implements Driver: what runs of the release.
func (d *command) Writers(ctx context.Context, s *plan.Snapshot) ([]plan.Scaled, error) {
	k, err := d.fleet.cluster(s)
	if err != nil {
		return nil, err
	}
	return workloadsOf(ctx, k, s.Namespace, s.Release, deployment, statefulSet)
}

// config is how the files say that a snapshot is taken.
func (f *Fleet) config(s *plan.Snapshot) (*schema.Snapshot, error) {
	for _, r := range f.Files.Releases() {
		if r.Address != s.Address {
			continue
		}
		for _, c := range r.Snapshots {
			if c.Name == s.Name && c.Driver == s.Driver {
				return c, nil
			}
		}
	}
	return nil, fmt.Errorf("the files no longer say how snapshot %q of %s is taken", s.Name, s.Address)
}

// Take implements Driver.
func (d *command) Take(ctx context.Context, a *Attempt) error {
	taken := time.Now().UTC()
	line, err := d.run(ctx, "take", a.Config.Argv, a.Record, a.Report)
	if err != nil {
		return err
	}
	a.Record.Taken, a.Record.Backup = &taken, line
	return nil
}

// Verify implements Driver.
func (d *command) Verify(ctx context.Context, s *plan.Snapshot) error {
	c, err := d.fleet.config(s)
	if err != nil || len(c.VerifyArgv) == 0 {
		return err
	}
	_, err = d.run(ctx, "verify", c.VerifyArgv, s, apply.Report{Status: func(string) {}, Log: func(string) {}})
	return err
}

// Rehearse implements Driver.
func (d *command) Rehearse(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	c, err := d.fleet.config(s)
	if err != nil {
		return err
	}
	if len(c.VerifyArgv) == 0 {
		return fmt.Errorf("the files name no program that verifies snapshot %q: set verify", c.Name)
	}
	_, err = d.run(ctx, "rehearse", c.VerifyArgv, s, report)
	return err
}

// Restore implements Driver.
func (d *command) Restore(ctx context.Context, s *plan.Snapshot, report apply.Report) error {
	c, err := d.fleet.config(s)
	if err != nil {
		return err
	}
	if len(c.RestoreArgv) == 0 {
		return fmt.Errorf("the files name no program that restores snapshot %q: set restore", c.Name)
	}
	_, err = d.run(ctx, "restore", c.RestoreArgv, s, report)
	return err
}

// Delete implements Driver. Without a program for it, what was made stays.
func (d *command) Delete(ctx context.Context, s *plan.Snapshot) error {
	c, err := d.fleet.config(s)
	if err != nil || len(c.DeleteArgv) == 0 {
		return err
	}
	_, err = d.run(ctx, "delete", c.DeleteArgv, s, apply.Report{Status: func(string) {}, Log: func(string) {}})
	return err
}

// run runs a program to its end, with all that it started, and returns the last
// line that it wrote.
func (d *command) run(ctx context.Context, action string, argv []string, s *plan.Snapshot, report apply.Report) (string, error) {
	if !d.fleet.AllowExec {
		return "", errNoExec
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = d.fleet.Files.Root, environment(action, s)
	told := &output{log: report.Log}
	made, errs := newStream(told), newStream(told)
	cmd.Stdout, cmd.Stderr = made, errs
	err := program.Run(cmd)
	errs.Flush()
	last := made.end()
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: %s was stopped: %w", action, argv[0], context.Cause(ctx))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w; it wrote last:\n%s", action, argv[0], err, told.end())
	}
	return last, nil
}

// environment is what a program finds beside its own: what the snapshot is of.
func environment(action string, s *plan.Snapshot) []string {
	return program.Environment(os.Environ(), "SOCTALK_SNAPSHOT_", map[string]string{
		"ACTION": action, "ID": s.ID, "NAME": s.Name, "ADDRESS": s.Address, "CLUSTER": s.Cluster, "NAMESPACE": s.Namespace,
		"RELEASE": s.Release, "VERSION": s.Version, "REVISION": strconv.Itoa(s.Revision), "STORE": s.Store,
		"QUIESCED": strconv.FormatBool(s.Quiesced), "HANDLE": s.Backup,
	})
}

// output is what a program writes, on either stream.
type output struct {
	log func(string)

	mu   sync.Mutex
	last []string
}

func (o *output) line(s string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log(s)
	o.last = append(o.last, s)
	o.last = o.last[max(0, len(o.last)-lastLines):]
}

func (o *output) end() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.last, "\n")
}

// stream is one of a program's, cut into lines of which the last is kept.
type stream struct {
	lines.Writer
	to   *output
	last string
}

func newStream(to *output) *stream {
	s := &stream{to: to}
	s.Writer = lines.Writer{To: s.line, Most: longestLine, Parts: true}
	return s
}

func (s *stream) line(text string) {
	if text = strings.TrimSpace(text); text != "" {
		s.to.line(text)
		s.last = text
	}
}

func (s *stream) end() string {
	s.Flush()
	return s.last
}
