// Package publish puts a folder of charts into the registry of a sandbox.
package publish

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"helm.sh/helm/v3/pkg/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Repository is where the charts are in the registry: chart c in version v is
// at oci://<host>/<Repository>/c:v.
const Repository = "soctalk/charts"

// Chart is a published version of a chart.
type Chart struct {
	Name    string
	Version string
	Ref     string // host/repository/name:version, without oci://
	Digest  string // of the manifest; the same for the same files
}

// Charts packages every <chart>/<version> below folder, each a complete chart
// with its dependencies in charts/, and pushes it to the registry at host,
// host:port without TLS.
func Charts(ctx context.Context, host, folder string) ([]Chart, error) {
	// Those of the user are no business of a registry on loopback, and
	// looking for them may start a credential helper.
	anonymous := auth.Client{Client: &http.Client{}}
	client, err := registry.NewClient(registry.ClientOptPlainHTTP(), registry.ClientOptAuthorizer(anonymous), registry.ClientOptCredentialsFile(os.DevNull))
	if err != nil {
		return nil, fmt.Errorf("make a client for the registry: %w", err)
	}
	found, err := filepath.Glob(filepath.Join(folder, "*", "*", "Chart.yaml"))
	if err != nil {
		return nil, fmt.Errorf("look for charts in %s: %w", folder, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no charts in %s: expected <chart>/<version>/Chart.yaml", folder)
	}
	charts := make([]Chart, 0, len(found))
	for _, file := range found {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("publish the charts in %s: %w", folder, err)
		}
		chart, err := push(client, host, filepath.Dir(file))
		if err != nil {
			return nil, err
		}
		charts = append(charts, chart)
	}
	return charts, nil
}

func push(client *registry.Client, host, dir string) (Chart, error) {
	archive, metadata, err := Archive(dir)
	if err != nil {
		return Chart{}, err
	}
	if name, version := filepath.Base(filepath.Dir(dir)), filepath.Base(dir); metadata.Name != name || metadata.Version != version {
		return Chart{}, fmt.Errorf("%s holds chart %s %s; its folder must be %s/%s",
			dir, metadata.Name, metadata.Version, metadata.Name, metadata.Version)
	}
	ref := fmt.Sprintf("%s/%s/%s:%s", host, Repository, metadata.Name, metadata.Version)
	// The time of creation is part of the manifest, and so of its digest.
	result, err := client.Push(archive, ref, registry.PushOptCreationTime("1970-01-01T00:00:00Z"))
	if err != nil {
		return Chart{}, fmt.Errorf("push %s: %w", ref, err)
	}
	return Chart{Name: metadata.Name, Version: metadata.Version, Ref: ref, Digest: result.Manifest.Digest}, nil
}
