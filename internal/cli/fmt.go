package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"
	"github.com/soctalk/fleet/internal/atomicfile"
	"github.com/soctalk/fleet/internal/view"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
	"github.com/spf13/cobra"
)

// formatter is one run of fmt.
type formatter struct {
	app                    *app
	check, diff, recursive bool
	changed, failed        bool
	seen                   map[string]bool
}

func (a *app) fmtCommand() *cobra.Command {
	f := &formatter{app: a, seen: map[string]bool{}}
	cmd := &cobra.Command{
		Use:   "fmt [PATH…]",
		Short: "Rewrite files into canonical form",
		Long: `Rewrite *.hcl files into canonical form and print the names of those that
changed. PATH is a file or a folder, "-" is standard input; without any, the
folder of the configuration. Files in JSON syntax are left alone.`,
		RunE: func(_ *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				paths = []string{"."}
			}
			for _, p := range paths {
				f.path(p)
			}
			switch {
			case f.failed:
				return exitStatus(exitFailure)
			case f.check && f.changed:
				return exitStatus(exitFormat)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "change nothing; exit with 3 when something is not in canonical form")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "print the changes")
	cmd.Flags().BoolVar(&f.recursive, "recursive", false, "also go into sub-folders")
	return cmd
}

func (f *formatter) fail(summary, detail string) {
	f.failed = true
	f.app.diagnostics([]plan.Diagnostic{{Severity: plan.Error, Summary: summary, Detail: detail}})
}

// path formats what was named on the command line.
func (f *formatter) path(p string) {
	if p == "-" {
		f.stdin()
		return
	}
	full := f.app.path(p)
	info, err := os.Stat(full)
	switch {
	case err != nil:
		f.fail("Cannot format", fmt.Sprintf("%s: %s.", p, cause(err)))
	case info.IsDir():
		f.folder(full)
	case strings.HasSuffix(full, ".hcl.json"):
	case !strings.HasSuffix(full, ".hcl"):
		f.fail("Cannot format", fmt.Sprintf("%s is no .hcl file. Only those are formatted.", p))
	default:
		f.file(full)
	}
}

func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func (f *formatter) folder(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.fail("Cannot format", fmt.Sprintf("%s: %s.", dir, cause(err)))
		return
	}
	var below []string
	for _, e := range entries {
		name := e.Name()
		full := filepath.Join(dir, name)
		switch {
		case strings.HasPrefix(name, "."):
		case e.IsDir():
			below = append(below, full)
		case strings.HasSuffix(name, ".hcl") && !strings.HasSuffix(name, "~"):
			f.file(full)
		}
	}
	if f.recursive {
		sort.Strings(below)
		for _, d := range below {
			f.folder(d)
		}
	}
}

func (f *formatter) stdin() {
	src, err := io.ReadAll(f.app.in)
	if err != nil {
		f.fail("Cannot read standard input", err.Error())
		return
	}
	out, ok := f.format("<stdin>", src)
	if !ok {
		return
	}
	f.changed = f.changed || !bytes.Equal(src, out)
	switch {
	case f.diff:
		f.show("<stdin>", src, out)
	case f.check:
	default:
		_, _ = f.app.out.Write(out)
	}
}

func (f *formatter) file(path string) {
	if f.seen[path] {
		return
	}
	f.seen[path] = true
	src, err := schema.ReadFile(path)
	if err != nil {
		f.fail("Cannot format", fmt.Sprintf("%s: %s.", path, err))
		return
	}
	out, ok := f.format(path, src)
	if !ok || bytes.Equal(src, out) {
		return
	}
	f.changed = true
	fmt.Fprintln(f.app.out, path)
	if f.diff {
		f.show(path, src, out)
	}
	if !f.check {
		if err := replaceFile(path, out); err != nil {
			f.fail("Cannot write", fmt.Sprintf("%s: %s.", path, cause(err)))
		}
	}
}

func (f *formatter) format(name string, src []byte) ([]byte, bool) {
	out, diags := schema.Format(src, name)
	if diags.HasErrors() {
		f.failed = true
		shown := view.Diagnostics(diags, map[string]*hcl.File{name: {Bytes: src}}, nil)
		// Names come from the command line here, not from the configuration.
		_ = view.DiagnosticsText(f.app.err, shown, "", f.app.style(f.app.err))
		return nil, false
	}
	return out, true
}

func (f *formatter) show(name string, before, after []byte) {
	fmt.Fprint(f.app.out, udiff.Unified("old/"+name, "new/"+name, string(before), string(after)))
}

// replaceFile gives a file other contents and keeps its mode. A symbolic link
// stays one.
func replaceFile(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, data, info.Mode().Perm())
}
