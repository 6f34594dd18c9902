package helm

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"

	hchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
)

// surelyFits is up to how many bytes of chart, manifest and hooks a release is
// not measured: what gzip cannot make smaller base64 makes a third larger.
const surelyFits = corev1.MaxSecretSize / 4 * 3 * 9 / 10

// SizeError says that Helm could not store the release: it keeps each revision
// in one Secret.
type SizeError struct {
	Chart, Version string
	// Bytes are those of the Secret.
	Bytes int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("the release would take %.1f MiB in Helm's storage, and a Secret holds 1 MiB: chart %s %s is too large, or renders too much", float64(e.Bytes)/(1<<20), e.Chart, e.Version)
}

// checkSize refuses what Helm would fail to store, as Helm stores it: without
// subcharts, as compressed JSON.
func (t Target) checkSize(ch *hchart.Chart, values map[string]any, out *Rendered) error {
	if out.weight()+weight(ch) <= surelyFits {
		return nil
	}
	stored := release.Release{Name: t.Name, Namespace: t.Namespace, Chart: ch, Config: values, Manifest: out.Manifest(), Info: &release.Info{}}
	for _, h := range out.Hooks {
		stored.Hooks = append(stored.Hooks, &release.Hook{Name: h.Name, Kind: h.Kind, Path: h.Path, Manifest: h.Manifest})
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(zip).Encode(stored); err != nil {
		return fmt.Errorf("measuring the release: %w", err)
	}
	if err := zip.Close(); err != nil {
		return err
	}
	if n := base64.StdEncoding.EncodedLen(packed.Len()); n > corev1.MaxSecretSize {
		return &SizeError{Chart: t.Chart.Name, Version: t.Chart.Version, Bytes: n}
	}
	return nil
}

// weight is how many bytes were rendered.
func (r *Rendered) weight() int {
	n := 0
	for _, d := range r.documents {
		n += len(d.text)
	}
	for _, h := range r.Hooks {
		n += len(h.Manifest)
	}
	return n
}

// weight is how many bytes of a chart Helm stores with a release.
func weight(ch *hchart.Chart) int {
	n := len(ch.Schema)
	for _, files := range [][]*hchart.File{ch.Templates, ch.Files} {
		for _, f := range files {
			n += len(f.Data)
		}
	}
	return n
}
