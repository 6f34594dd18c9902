package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// kubernetesVersion is the version that the API server reports; it is that of
// k8s.io/kubernetes in kube/go.mod, which a test holds to it.
const kubernetesVersion = "v1.36.3"

// part is a program of the sandbox that is built from a module of its own.
type part struct {
	// dir is the folder of the module beside this file.
	dir string
	// name is for people; takes is how long its first build does.
	name, takes string
	// flags are what the build takes beside those of all parts.
	flags []string
	// pkg is what is built, where it is not the module's own program.
	pkg string
}

// withoutDWARF saves the compiler a third of its work.
const withoutDWARF = "-gcflags=all=-dwarf=false"

var (
	servers            = part{"kube", "the sandbox's Kubernetes", "5 minutes", []string{"-trimpath", withoutDWARF, "-ldflags", stamp()}, ""}
	snapshotController = part{"snapshots", "the sandbox's volume snapshots", "2 minutes", []string{withoutDWARF, "-ldflags", "-s -w"}, ""}
)

// Binary builds the multi-call binary of the servers, unless that was done
// before for the same sources and the same Go, and returns its path. Several
// processes may call it at the same time: one builds, the others wait.
// progress, which may be nil, receives lines for people.
func Binary(ctx context.Context, progress io.Writer) (string, error) {
	return servers.binary(ctx, progress)
}

func (p part) binary(ctx context.Context, progress io.Writer) (string, error) {
	if progress == nil {
		progress = io.Discard
	}
	source, err := p.moduleDir()
	if err != nil {
		return "", err
	}
	hash, err := p.sourceHash(ctx, source)
	if err != nil {
		return "", fmt.Errorf("identify %s: %w", p.name, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the place of the sandbox's binary: %w", err)
	}
	dir := filepath.Join(cache, "soctalk-sandbox", hash)
	binary := filepath.Join(dir, p.dir)
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the place of the sandbox's binary: %w", err)
	}
	building, err := acquire(ctx, filepath.Join(dir, "build.lock"))
	if err != nil {
		return "", fmt.Errorf("wait for another build of %s: %w", p.name, err)
	}
	defer building.release()
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	partial := binary + ".partial"
	if err := p.build(ctx, source, partial, progress); err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	if err := os.Rename(partial, binary); err != nil {
		return "", fmt.Errorf("put the sandbox's binary in its place: %w", err)
	}
	return binary, nil
}

// build compiles the module in source to the file binary.
func (p part) build(ctx context.Context, source, binary string, progress io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", append(p.buildArgs(), "-o", binary, cmp.Or(p.pkg, "."))...)
	cmd.Dir = source
	cmd.Env = buildEnv()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output

	begin := time.Now()
	_, _ = fmt.Fprintf(progress, "building %s, once: about %s on 2 cores …\n", p.name, p.takes)
	ended := make(chan struct{})
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		tick := time.NewTicker(30 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				_, _ = fmt.Fprintf(progress, "still building %s, for %s\n", p.name, time.Since(begin).Round(time.Second))
			}
		}
	}()
	err := cmd.Run()
	close(ended)
	<-reported
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("the go command is not in PATH: %w", err)
	}
	if err != nil {
		return fmt.Errorf("go build in %s: %w\n%s", source, err, output.String())
	}
	_, _ = fmt.Fprintf(progress, "built %s in %s\n", p.name, time.Since(begin).Round(time.Second))
	return nil
}

// stamp makes the servers say which version they are.
func stamp() string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(kubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	flags := "-s -w"
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += fmt.Sprintf(" -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean",
			pkg, kubernetesVersion, major, minor)
	}
	return flags
}

func (p part) buildArgs() []string {
	return append([]string{"build", "-buildvcs=false"}, p.flags...)
}

// buildEnv keeps what a caller may have set for the main module away from the
// build: the binary depends on nothing but its sources.
func buildEnv() []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
}

// sourceHash names a build by everything that goes into it.
func (p part) sourceHash(ctx context.Context, source string) (string, error) {
	goVersion := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	goVersion.Dir = source
	goVersion.Env = buildEnv()
	version, err := goVersion.Output()
	if err != nil {
		return "", fmt.Errorf("ask go for its version: %w", err)
	}
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, strings.TrimSpace(string(version)), runtime.GOOS, runtime.GOARCH, p.buildArgs())
	files, err := os.ReadDir(source)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(source, file.Name()))
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintln(sum, file.Name(), len(data))
		_, _ = sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// moduleDir finds the sources: beside this file, or in the checkout that holds
// the working directory.
func (p part) moduleDir() (string, error) {
	inModule := "internal/sandbox/" + p.dir
	if _, file, _, ok := runtime.Caller(0); ok {
		if dir := filepath.Join(filepath.Dir(file), p.dir); holdsModule(dir) {
			return dir, nil
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the sources of %s: %w", p.name, err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if source := filepath.Join(dir, filepath.FromSlash(inModule)); holdsModule(source) {
			return source, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the sources of %s: no %s in or above the working directory: %w", p.name, inModule, fs.ErrNotExist)
		}
	}
}

func holdsModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
