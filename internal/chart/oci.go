package chart

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/soctalk/fleet/schema"
)

const (
	chartLayer    = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	maxManifest   = 4 << 20
	oldChartLayer = "application/tar+gzip"
)

func (r *Resolver) repository(ref schema.Chart) (*remote.Repository, error) {
	repository, err := remote.NewRepository(strings.TrimPrefix(ref.Ref, "oci://"))
	if err != nil {
		return nil, &InvalidError{Ref: ref.Ref, Why: "this is no OCI reference: " + err.Error(), Cause: err}
	}
	if repository.Reference.Reference != "" {
		return nil, &InvalidError{Ref: ref.Ref, Why: "a chart reference has no tag; the version goes into version"}
	}
	host := repository.Reference.Registry
	client, err := r.clients.oci(host)
	if err != nil {
		return nil, err
	}
	repository.Client = client
	repository.PlainHTTP = r.clients.plainHTTP(host)
	return repository, nil
}

func (r *Resolver) fetchOCI(ctx context.Context, ref schema.Chart, version, locked string) ([]byte, error) {
	repository, err := r.repository(ref)
	if err != nil {
		return nil, err
	}
	layer, err := chartOf(ctx, repository, tagOf(version))
	if errors.Is(err, errdef.ErrNotFound) {
		versions, err := r.versionsOCI(ctx, ref)
		var none *NotFoundError
		if errors.As(err, &none) {
			return nil, err
		}
		// A registry need not list its tags.
		return nil, notFound(ref, version, versions)
	}
	if err != nil {
		return nil, explainOCI(repository, ref, version, err)
	}
	digest := layer.Digest.String()
	if locked != "" && digest != locked {
		return nil, &DigestError{Ref: display(ref), Version: version, Locked: locked, Got: digest}
	}
	if archive := r.cache.read(digest); archive != nil {
		return archive, nil
	}
	if layer.Size > r.options.MaxBytes {
		return nil, tooLarge(ref, version, r.options.MaxBytes)
	}
	blob, err := repository.Blobs().Fetch(ctx, layer)
	if err != nil {
		return nil, explainOCI(repository, ref, version, err)
	}
	defer func() { _ = blob.Close() }()
	archive, err := content.ReadAll(blob, layer)
	if err != nil {
		return nil, explainOCI(repository, ref, version, err)
	}
	return archive, nil
}

// chartOf returns the descriptor of the chart archive behind a tag.
func chartOf(ctx context.Context, repository *remote.Repository, tag string) (ocispec.Descriptor, error) {
	desc, body, err := repository.FetchReference(ctx, tag)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer func() { _ = body.Close() }()
	if desc.Size > maxManifest {
		return ocispec.Descriptor{}, errNoChart
	}
	raw, err := content.ReadAll(body, desc)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return ocispec.Descriptor{}, errNoChart
	}
	for _, l := range manifest.Layers {
		if l.MediaType == chartLayer || l.MediaType == oldChartLayer {
			return l, nil
		}
	}
	return ocispec.Descriptor{}, errNoChart
}

var errNoChart = errors.New("what the registry holds under this tag is no Helm chart")

func (r *Resolver) versionsOCI(ctx context.Context, ref schema.Chart) ([]string, error) {
	repository, err := r.repository(ref)
	if err != nil {
		return nil, err
	}
	var all []string
	err = repository.Tags(ctx, "", func(tags []string) error {
		for _, t := range tags {
			all = append(all, strings.ReplaceAll(t, "_", "+"))
		}
		return nil
	})
	if errors.Is(err, errdef.ErrNotFound) || hasStatus(err, http.StatusNotFound) {
		return nil, notFound(ref, "", nil)
	}
	if err != nil {
		return nil, explainOCI(repository, ref, "", err)
	}
	return newestFirst(all), nil
}

// tagOf is the tag of a version; tags know no plus sign.
func tagOf(version string) string { return strings.ReplaceAll(version, "+", "_") }

func explainOCI(repository *remote.Repository, ref schema.Chart, version string, err error) error {
	host := repository.Reference.Registry
	switch {
	case errors.Is(err, errNoChart):
		return &InvalidError{Ref: display(ref), Version: version, Why: err.Error()}
	case errors.Is(err, auth.ErrBasicCredentialNotFound), hasStatus(err, http.StatusUnauthorized), hasStatus(err, http.StatusForbidden):
		return &UnauthorizedError{Host: host, Cause: err}
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData), errors.Is(err, io.ErrUnexpectedEOF):
		return &UnreachableError{Host: host, Why: "what it sent does not have the digest it announced", Cause: err}
	}
	return explain(host, repository.PlainHTTP, err)
}

func hasStatus(err error, status int) bool {
	var e *errcode.ErrorResponse
	return errors.As(err, &e) && e.StatusCode == status
}
