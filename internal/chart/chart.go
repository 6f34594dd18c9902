package chart

import (
	hchart "helm.sh/helm/v3/pkg/chart"
)

// Chart is one chart at one version. It is immutable and safe for concurrent
// use.
type Chart struct {
	Name, Version, AppVersion string
	// KubeVersion is the range of Kubernetes versions it accepts.
	KubeVersion string
	// Digest is "sha256:…" of the archive, or of a folder's files.
	Digest      string
	Annotations map[string]string

	loaded *hchart.Chart
}
