package cli

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/soctalk/fleet/internal/adopt"
)

// empty makes sure that a folder holds no configuration. What an import leaves
// there that is cut off is none yet.
func empty(dir string) error {
	for _, pattern := range []string{"*.hcl", "*.hcl.json"} {
		there, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return fmt.Errorf("look into %s: %w", dir, err)
		}
		for _, path := range there {
			if name := filepath.Base(path); name != adopt.VariablesFile && name != adopt.SecretsFile {
				return advise(fmt.Errorf("%s holds a configuration already: %s", dir, name), "Nothing is overwritten. Give an empty folder with -out=DIR.")
			}
		}
	}
	return nil
}

// settle puts the files into a folder: all of them or none.
func settle(dir string, result *adopt.Result) error {
	switch _, err := os.Stat(dir); {
	case err == nil:
		return settleWithin(dir, result)
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("look for the folder for the files: %w", err)
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make the folder for the files: %w", err)
	}
	// They are written beside their place, from where they move there at once.
	stage, err := os.MkdirTemp(parent, ".soctalk-import-")
	if err != nil {
		return fmt.Errorf("make a folder to write the files in: %w", err)
	}
	defer func() { _ = os.RemoveAll(stage) }()
	whole := filepath.Join(stage, "files")
	if err := os.Mkdir(whole, 0o755); err != nil { // the one around it is its owner's alone
		return fmt.Errorf("make a folder to write the files in: %w", err)
	}
	if err := write(whole, result); err != nil {
		return err
	}
	if err := os.Rename(whole, dir); err != nil {
		return fmt.Errorf("put the files into their place: %w", err)
	}
	return nil
}

// settleWithin puts the files into a folder that is there. Those of an import
// that was cut off are kept where they say the same.
func settleWithin(dir string, result *adopt.Result) error {
	for _, name := range slices.Sorted(maps.Keys(result.Files)) {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) || same(path, result.Files[name]) {
			continue
		}
		return advise(fmt.Errorf("%s is there already", path), "Nothing is overwritten, and nothing was written. Give an empty folder with -out=DIR, or remove the file if an import that was cut off has left it.")
	}
	return write(dir, result)
}

// same says whether a file is one and holds nothing else.
func same(path string, data []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	there, err := os.ReadFile(path)
	return err == nil && bytes.Equal(there, data)
}

// write writes the files that are not there yet, that of the fleet last: before
// it, there is no configuration. After an error none is left that was written.
func write(dir string, result *adopt.Result) (err error) {
	var made []string
	defer func() {
		if err == nil {
			return
		}
		for _, path := range made {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(result.Files)), func(name string) bool { return name == adopt.FleetFile })
	for _, name := range append(names, adopt.FleetFile) {
		path := filepath.Join(dir, name)
		if same(path, result.Files[name]) {
			continue
		}
		mode := os.FileMode(0o644)
		if result.Private[name] {
			mode = 0o600
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		made = append(made, path)
		_, err = f.Write(result.Files[name])
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}
