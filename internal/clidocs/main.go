// Command clidocs writes what is made from the commands: the page about the
// command line, and what a release brings for the shell.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/soctalk/fleet/internal/cli"
	"github.com/spf13/cobra/doc"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 1:
		err = writePage(args[0])
	case len(args) == 2 && args[0] == "-release":
		err = writeRelease(args[1])
	default:
		fmt.Fprintln(os.Stderr, "usage: clidocs FILE | clidocs -release FOLDER")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "clidocs:", err)
		os.Exit(1)
	}
}

func writePage(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := cli.WriteReference(f); err != nil {
		return err
	}
	return f.Close()
}

// writeRelease writes man pages and completions. Their date is that of
// SOURCE_DATE_EPOCH, so that a release can be built again, byte for byte.
func writeRelease(dir string) error {
	man, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	if err := errors.Join(os.MkdirAll(man, 0o755), os.MkdirAll(completions, 0o755)); err != nil {
		return err
	}
	root := cli.Tree()
	root.DisableAutoGenTag = true
	if err := doc.GenManTree(root, &doc.GenManHeader{Title: "SOCTALK", Section: "1", Source: "soctalk", Manual: "soctalk"}, man); err != nil {
		return fmt.Errorf("write the man pages: %w", err)
	}
	for name, write := range map[string]func(string) error{
		"soctalk.bash": func(path string) error { return root.GenBashCompletionFileV2(path, true) },
		"_soctalk":     root.GenZshCompletionFile,
		"soctalk.fish": func(path string) error { return root.GenFishCompletionFile(path, true) },
		"soctalk.ps1":  root.GenPowerShellCompletionFileWithDesc,
	} {
		if err := write(filepath.Join(completions, name)); err != nil {
			return fmt.Errorf("write the completions %s: %w", name, err)
		}
	}
	return nil
}
