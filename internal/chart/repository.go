package chart

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/soctalk/fleet/schema"
)

// maxIndex bounds a repository's index; the largest public ones are below it.
const maxIndex = 128 << 20

// index is what a chart repository offers, as far as it matters here.
type index struct {
	Entries map[string][]indexEntry `json:"entries"`
}

type indexEntry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

func trimSlash(s string) string { return strings.TrimRight(s, "/") }

func (r *Resolver) fetchHTTP(ctx context.Context, ref schema.Chart, version, locked string) ([]byte, error) {
	entries, err := r.entries(ctx, ref)
	if err != nil {
		return nil, err
	}
	var found *indexEntry
	for i := range entries {
		if sameVersion(entries[i].Version, version) {
			found = &entries[i]
			break
		}
	}
	if found == nil || len(found.URLs) == 0 {
		return nil, notFound(ref, version, versionsOf(entries))
	}
	digest := "sha256:" + strings.TrimPrefix(found.Digest, "sha256:")
	if locked == "" {
		if archive := r.cache.read(digest); archive != nil {
			return archive, nil
		}
	}
	base, err := url.Parse(trimSlash(ref.Ref) + "/")
	if err != nil {
		return nil, &InvalidError{Ref: display(ref), Version: version, Why: "this is no URL", Cause: err}
	}
	target, err := base.Parse(found.URLs[0])
	if err != nil || target.Scheme != "https" && target.Scheme != "http" {
		return nil, &InvalidError{Ref: display(ref), Version: version, Why: "the repository's index names no usable URL for it", Cause: err}
	}
	archive, status, err := r.get(ctx, ref, target, r.options.MaxBytes)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, &InvalidError{Ref: display(ref), Version: version, Why: fmt.Sprintf("the repository's index names %s, which does not exist", target.Redacted())}
	case int64(len(archive)) > r.options.MaxBytes:
		return nil, tooLarge(ref, version, r.options.MaxBytes)
	}
	if found.Digest != "" && digestOf(archive) != digest {
		return nil, &UnreachableError{Host: target.Host, Why: "what it sent does not have the digest that its index announces"}
	}
	return archive, nil
}

func (r *Resolver) versionsHTTP(ctx context.Context, ref schema.Chart) ([]string, error) {
	entries, err := r.entries(ctx, ref)
	if err != nil {
		return nil, err
	}
	return versionsOf(entries), nil
}

func versionsOf(entries []indexEntry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Version)
	}
	return newestFirst(all)
}

// entries returns what the repository offers of one chart. The index is read
// once.
func (r *Resolver) entries(ctx context.Context, ref schema.Chart) ([]indexEntry, error) {
	repository := trimSlash(ref.Ref)
	r.mu.Lock()
	idx := r.indexes[repository]
	r.mu.Unlock()
	if idx == nil {
		u, err := url.Parse(repository + "/index.yaml")
		if err != nil || u.Host == "" {
			return nil, &InvalidError{Ref: display(ref), Why: "this is no URL", Cause: err}
		}
		raw, status, err := r.get(ctx, ref, u, maxIndex)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusNotFound:
			return nil, &InvalidError{Ref: display(ref), Why: "there is no chart repository: index.yaml does not exist"}
		case len(raw) > maxIndex:
			return nil, &InvalidError{Ref: display(ref), Why: "the repository's index is too large"}
		}
		idx = &index{}
		if err := yaml.Unmarshal(raw, idx); err != nil {
			return nil, &InvalidError{Ref: display(ref), Why: "the repository's index.yaml cannot be read", Cause: err}
		}
		r.mu.Lock()
		r.indexes[repository] = idx
		r.mu.Unlock()
	}
	entries := idx.Entries[ref.Name]
	if len(entries) == 0 {
		return nil, notFound(ref, "", nil)
	}
	return entries, nil
}

// get reads at most one byte more than limit. Status is 200 or 404 when there
// is no error.
func (r *Resolver) get(ctx context.Context, ref schema.Chart, u *url.URL, limit int64) ([]byte, int, error) {
	client, err := r.clients.http(u.Host)
	if err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, 0, &InvalidError{Ref: display(ref), Why: "this is no URL", Cause: err}
	}
	req.Header.Set("User-Agent", "soctalk")
	// Another host than the repository's own must not see its password.
	if home, err := url.Parse(ref.Ref); err == nil && home.Host == u.Host && home.Scheme == u.Scheme {
		if user, password := r.clients.login(trimSlash(ref.Ref)); user != "" {
			req.SetBasicAuth(user, password)
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, explain(u.Host, u.Scheme == "http", err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNotFound:
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, 0, &UnauthorizedError{Host: u.Host}
	default:
		return nil, 0, &UnreachableError{Host: u.Host, Why: "it answered " + resp.Status}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, 0, explain(u.Host, u.Scheme == "http", err)
	}
	return body, resp.StatusCode, nil
}
