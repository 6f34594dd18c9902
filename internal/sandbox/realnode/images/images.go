// Package images makes the container images of a real node out of this
// module's own static programs and of this machine's Debian packages: no
// registry has to be reached and no engine has to run.
package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The names of the images, as pods ask for them.
const (
	PauseName    = "sandbox.local/pause:1"
	PostgresName = "sandbox.local/postgres:debian"
)

// Versions are those of the images that the example charts ask for.
func Versions() []string { return []string{"0.1.0", "0.2.0", "0.2.1", "0.3.0"} }

// Roles are the services that the soctalk image stands in for.
func Roles() []string { return []string{"api", "app-ui", "adapter", "runs-worker"} }

// Name is the image of a role at a version.
func Name(role, version string) string { return "sandbox.local/soctalk-" + role + ":" + version }

const (
	postgresUser = 999
	commands     = "internal/sandbox/realnode/images/cmd/"
	searchPath   = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Pause makes the image that every pod needs, and returns the path of its
// tar file.
func Pause(ctx context.Context) (string, error) {
	layer, err := programLayer(ctx, "pause")
	if err != nil {
		return "", err
	}
	return store("pause", []Image{{Name: PauseName, Layers: [][]byte{layer}, Entrypoint: []string{"/usr/local/bin/pause"}}})
}

// Build makes the images of PostgreSQL and of SocTalk's services at each of
// the versions, and returns the path of the one tar file that holds them. The
// services' images contain the clients of PostgreSQL and a shell, as their
// migrations need them.
func Build(ctx context.Context, versions ...string) (string, error) {
	debian, err := debianLayer(ctx)
	if err != nil {
		return "", fmt.Errorf("make the PostgreSQL image: %w", err)
	}
	bin, err := PostgresBin()
	if err != nil {
		return "", fmt.Errorf("make the PostgreSQL image: %w", err)
	}
	environment := []string{searchPath + ":" + bin, "LANG=C.UTF-8"}
	entrypoint, err := programLayer(ctx, "postgres-entrypoint")
	if err != nil {
		return "", err
	}
	images := []Image{{
		Name:       PostgresName,
		Layers:     [][]byte{debian, entrypoint},
		Entrypoint: []string{"/usr/local/bin/postgres-entrypoint"},
		Env:        append([]string{"PGDATA=/var/lib/postgresql/data"}, environment...),
	}}
	service, err := programLayer(ctx, "soctalk")
	if err != nil {
		return "", err
	}
	for _, version := range versions {
		for _, role := range Roles() {
			images = append(images, Image{
				Name:       Name(role, version),
				Layers:     [][]byte{debian, service},
				Entrypoint: []string{"/usr/local/bin/soctalk", role},
				Env:        append([]string{"SOCTALK_VERSION=" + version}, environment...),
			})
		}
	}
	return store("soctalk", images)
}

// programLayer holds one of this package's commands at /usr/local/bin.
func programLayer(ctx context.Context, name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "soctalk-image-")
	if err != nil {
		return nil, fmt.Errorf("make the %s image: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, name)
	if err := Program(ctx, commands+name, program); err != nil {
		return nil, fmt.Errorf("make the %s image: %w", name, err)
	}
	l := newLayer()
	if err := l.copy("/usr/local/bin/"+name, program); err != nil {
		return nil, err
	}
	return l.tar()
}

// store keeps a layout in the user's cache under the hash of its contents.
func store(name string, images []Image) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the place of the images: %w", err)
	}
	dir := filepath.Join(cache, "soctalk-sandbox", "images")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the place of the images: %w", err)
	}
	var layout bytes.Buffer
	if err := writeLayout(&layout, images); err != nil {
		return "", fmt.Errorf("write the %s images: %w", name, err)
	}
	sum := sha256.Sum256(layout.Bytes())
	path := filepath.Join(dir, name+"-"+hex.EncodeToString(sum[:])[:16]+".tar")
	now := time.Now()
	if err := os.Chtimes(path, now, now); err == nil {
		return path, nil
	}
	prune(dir, name)
	partial, err := os.CreateTemp(dir, name+"-*.partial")
	if err != nil {
		return "", fmt.Errorf("write the %s images: %w", name, err)
	}
	defer func() { _ = os.Remove(partial.Name()) }()
	if _, err := partial.Write(layout.Bytes()); err != nil {
		_ = partial.Close()
		return "", fmt.Errorf("write the %s images: %w", name, err)
	}
	if err := partial.Close(); err != nil {
		return "", fmt.Errorf("write the %s images: %w", name, err)
	}
	if err := os.Rename(partial.Name(), path); err != nil {
		return "", fmt.Errorf("put the %s images in place: %w", name, err)
	}
	return path, nil
}

// prune removes the layouts of the name that nobody used for a day: the
// programs in them have changed since.
func prune(dir, name string) {
	found, err := filepath.Glob(filepath.Join(dir, name+"-*"))
	if err != nil {
		return
	}
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(path)
		}
	}
}
