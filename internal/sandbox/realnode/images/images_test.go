package images_test

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
	"github.com/soctalk/fleet/internal/sandbox/realnode/realnodetest"
)

func TestBuild(t *testing.T) {
	realnodetest.Require(t)
	var paths [2]string
	for i := range paths {
		path, err := images.Build(t.Context(), "1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		paths[i] = path
	}
	if paths[0] != paths[1] {
		t.Errorf("two builds of the same differ: %s, %s", paths[0], paths[1])
	}
	want := []string{images.PostgresName}
	for _, role := range images.Roles() {
		want = append(want, images.Name(role, "1.2.3"))
	}
	if got := namesIn(t, paths[0]); !slices.Equal(got, want) {
		t.Errorf("the archive holds %q, want %q", got, want)
	}
}

// namesIn returns the names of the images in an OCI layout.
func namesIn(t *testing.T, path string) []string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if err != nil {
			t.Fatalf("look for the index: %v", err)
		}
		if header.Name != "index.json" {
			continue
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		var index struct {
			Manifests []struct{ Annotations map[string]string }
		}
		if err := json.Unmarshal(data, &index); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, manifest := range index.Manifests {
			names = append(names, manifest.Annotations["io.containerd.image.name"])
		}
		return names
	}
}
