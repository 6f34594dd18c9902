package images

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sort"
	"strings"
)

// sharedLibraries returns the paths of the libraries that programs need, and
// of the loader that brings them together.
func sharedLibraries(ctx context.Context, programs []string) ([]string, error) {
	known, err := linkerCache(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the shared libraries: %w", err)
	}
	found := map[string]bool{}
	for queue := programs; len(queue) > 0; queue = queue[1:] {
		names, loader, err := needs(queue[0])
		if err != nil {
			return nil, fmt.Errorf("list the shared libraries: %w", err)
		}
		if loader != "" {
			found[loader] = true
		}
		for _, name := range names {
			path, ok := known[name]
			if !ok {
				return nil, fmt.Errorf("list the shared libraries: the linker knows no %s, which %s needs", name, queue[0])
			}
			if !found[path] {
				found[path] = true
				queue = append(queue, path)
			}
		}
	}
	libraries := make([]string, 0, len(found))
	for path := range found {
		libraries = append(libraries, path)
	}
	sort.Strings(libraries)
	return libraries, nil
}

// needs reads a program's libraries and its loader; a script has none.
func needs(path string) ([]string, string, error) {
	file, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = file.Close() }()
	names, err := file.ImportedLibraries()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	for _, part := range file.Progs {
		if part.Type != elf.PT_INTERP {
			continue
		}
		loader, err := io.ReadAll(part.Open())
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", path, err)
		}
		return names, strings.TrimRight(string(loader), "\x00"), nil
	}
	return names, "", nil
}

// linkerCache maps the names of libraries to their paths. The first mention
// of a name is the one for this machine's architecture.
func linkerCache(ctx context.Context) (map[string]string, error) {
	output, err := exec.CommandContext(ctx, "/sbin/ldconfig", "-p").Output()
	if err != nil {
		return nil, fmt.Errorf("ldconfig: %w", err)
	}
	known := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		description, path, ok := strings.Cut(lines.Text(), " => ")
		name, _, named := strings.Cut(strings.TrimSpace(description), " ")
		if _, seen := known[name]; ok && named && !seen {
			known[name] = path
		}
	}
	return known, nil
}
