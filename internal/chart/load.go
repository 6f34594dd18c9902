package chart

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sort"

	hchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/soctalk/fleet/schema"
)

const defaultMaxBytes = 64 << 20

func digestOf(archive []byte) string {
	sum := sha256.Sum256(archive)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// loadArchive parses an archive that was fetched for ref and version.
func loadArchive(ref schema.Chart, version string, archive []byte) (*Chart, error) {
	if err := newBudget().archive(bytes.NewReader(archive)); err != nil {
		return nil, &InvalidError{Ref: display(ref), Version: version, Why: err.Error()}
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		return nil, &InvalidError{Ref: display(ref), Version: version, Why: whyInvalid(err), Cause: err}
	}
	c := newChart(loaded, digestOf(archive))
	return c, checkIdentity(ref, version, c)
}

// checkIdentity holds what a chart says of itself against what was asked for.
func checkIdentity(ref schema.Chart, version string, c *Chart) error {
	if version != "" && !sameVersion(c.Version, version) {
		return &InvalidError{Ref: display(ref), Version: version, Why: fmt.Sprintf("its Chart.yaml says version %s", c.Version)}
	}
	if ref.Name != "" && c.Name != ref.Name {
		return &InvalidError{Ref: display(ref), Version: version, Why: fmt.Sprintf("its Chart.yaml says name %s", c.Name)}
	}
	if c.loaded.Metadata.Type == "library" {
		return &InvalidError{Ref: display(ref), Version: version, Why: "it is a library chart, which cannot be installed"}
	}
	return nil
}

// LoadLocal returns a chart that lies on this machine, see [IsLocal]. The
// version may be empty; when given, it must be the chart's own.
func LoadLocal(ref schema.Chart, version string) (*Chart, error) {
	return loadLocal(ref, version, defaultMaxBytes)
}

func loadLocal(ref schema.Chart, version string, maxBytes int64) (*Chart, error) {
	info, err := os.Stat(ref.Ref)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NotFoundError{Ref: ref.Ref}
	}
	if err != nil {
		return nil, &InvalidError{Ref: ref.Ref, Version: version, Why: err.Error(), Cause: err}
	}
	if !info.IsDir() {
		if info.Size() > maxBytes {
			return nil, tooLarge(ref, version, maxBytes)
		}
		archive, err := os.ReadFile(ref.Ref)
		if err != nil {
			return nil, &InvalidError{Ref: ref.Ref, Version: version, Why: err.Error(), Cause: err}
		}
		return loadArchive(ref, version, archive)
	}
	if err := newBudget().folder(ref.Ref); err != nil {
		return nil, &InvalidError{Ref: ref.Ref, Version: version, Why: err.Error()}
	}
	loaded, err := loader.LoadDir(ref.Ref)
	if err != nil {
		return nil, &InvalidError{Ref: ref.Ref, Version: version, Why: whyInvalid(err), Cause: err}
	}
	c := newChart(loaded, digestOfFiles(loaded.Raw))
	return c, checkIdentity(ref, version, c)
}

// digestOfFiles depends on the names and contents of a folder's files only,
// not on times, modes or order.
func digestOfFiles(files []*hchart.File) string {
	files = append([]*hchart.File(nil), files...)
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	h := sha256.New()
	fmt.Fprintf(h, "soctalk chart folder 1\n")
	for _, f := range files {
		fmt.Fprintf(h, "%q %s\n", f.Name, digestOf(f.Data))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func tooLarge(ref schema.Chart, version string, limit int64) error {
	return &InvalidError{Ref: display(ref), Version: version, Why: fmt.Sprintf("it is larger than %d MiB", limit>>20)}
}

func whyInvalid(err error) string {
	return "it is no chart that Helm can load: " + err.Error()
}

// display is a reference as people write it.
func display(ref schema.Chart) string {
	if ref.Name != "" {
		return ref.Ref + " " + ref.Name
	}
	return ref.Ref
}
