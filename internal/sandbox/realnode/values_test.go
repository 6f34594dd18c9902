package realnode_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/internal/sandbox/realnode"
	"github.com/soctalk/fleet/internal/sandbox/realnode/images"
)

// TestValues holds the values to every version of the charts: their schemas
// accept them, and no pod asks for an image that the node does not have.
func TestValues(t *testing.T) {
	known := []string{images.PostgresName}
	for _, version := range images.Versions() {
		for _, role := range images.Roles() {
			known = append(known, images.Name(role, version))
		}
	}
	for chart, values := range map[string][]byte{"soctalk-system": realnode.SystemValues(), "soctalk-tenant": realnode.TenantValues()} {
		versions, err := filepath.Glob(filepath.Join(charts, chart, "*"))
		if err != nil || len(versions) == 0 {
			t.Fatalf("no versions of %s: %v", chart, err)
		}
		for _, path := range versions {
			t.Run(chart+"/"+filepath.Base(path), func(t *testing.T) {
				for _, image := range imagesOf(t, path, chart, values) {
					if !slices.Contains(known, image) {
						t.Errorf("the node has no image %s", image)
					}
				}
			})
		}
	}
}

var image = regexp.MustCompile(`(?m)^\s*(?:- )?image: "?([^"\s]+)`)

// imagesOf renders a chart and returns the images in it.
func imagesOf(t *testing.T, path, release string, values []byte) []string {
	t.Helper()
	loaded, err := loader.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string]any
	if err := yaml.Unmarshal(values, &parsed); err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ProcessDependencies(loaded, parsed); err != nil {
		t.Fatal(err)
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: release, Revision: 1, IsInstall: true}
	complete, err := chartutil.ToRenderValues(loaded, parsed, options, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := engine.Render(loaded, complete)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, text := range rendered {
		for _, match := range image.FindAllStringSubmatch(text, -1) {
			found = append(found, match[1])
		}
	}
	if len(found) == 0 {
		t.Error("no images")
	}
	return found
}
