package observe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Recorded is an observation that was read from a file.
type Recorded struct {
	Created     time.Time
	ToolVersion string
	// Clusters can render and do nothing else; see [helm.NewOffline]. Of one
	// that could not be read, Failed says why.
	Clusters Clusters
	// Live is what was observed. Its releases are those that the files named
	// then; [Recorded.For] holds them against the files of today.
	Live *Live
	// Addresses are the releases' own, of when they were observed.
	Addresses map[plan.ReleaseKey]string

	// checked are the prerequisites with why one does not hold, or "".
	checked map[string]string
	seen    map[plan.ReleaseKey]bool
}

// Read reads what [Write] wrote, or refuses it: the file may come from
// anywhere.
func Read(path string) (*Recorded, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read observation: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read observation %s: it is no file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("read observation %s: it is larger than %d MiB", path, maxFile>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read observation: %w", err)
	}
	r, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read observation %s: %w", path, err)
	}
	return r, nil
}

func decode(data []byte) (*Recorded, error) {
	var head struct {
		FormatVersion string `json:"format_version"`
		Kind          string `json:"kind"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, errors.New("it is no observation, or not all of it: it is not the JSON of one")
	}
	major, _, _ := strings.Cut(head.FormatVersion, ".")
	want, _, _ := strings.Cut(fileVersion, ".")
	switch {
	case head.Kind != FileKind && head.FormatVersion != "":
		return nil, errors.New("it is no observation; soctalk observe writes them")
	case head.Kind != FileKind:
		return nil, errors.New("it is no observation: kind is missing")
	case head.FormatVersion == "":
		return nil, errors.New("it is no observation: format_version is missing")
	case major != want:
		return nil, fmt.Errorf("it has format %q, this version reads %s.x", head.FormatVersion, want)
	}
	var d onDisk
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("a field is not of its type: %w", err)
	}
	r := &Recorded{Created: d.Created, ToolVersion: d.ToolVersion, Clusters: Clusters{}, Live: newLive(),
		Addresses: map[plan.ReleaseKey]string{}, checked: d.Prerequisites, seen: map[plan.ReleaseKey]bool{}}
	r.Live.Offline = true
	for _, c := range d.Clusters {
		if err := r.cluster(c); err != nil {
			return nil, err
		}
	}
	for _, release := range d.Releases {
		if err := r.release(release); err != nil {
			return nil, fmt.Errorf("release %q in namespace %q: %w", release.Release, release.Namespace, err)
		}
	}
	for _, other := range d.Others {
		if err := r.other(other); err != nil {
			return nil, fmt.Errorf("release %q in namespace %q: %w", other.Release, other.Namespace, err)
		}
	}
	for name, why := range d.Prerequisites {
		if why != "" {
			r.Live.Prerequisites[name] = why
		}
	}
	if d.Database != nil {
		r.Live.Database = &plan.Database{Revision: d.Database.Revision, Problem: d.Database.Problem}
	}
	return r, nil
}

func (r *Recorded) cluster(c fileCluster) error {
	switch {
	case c.Name == "":
		return errors.New("a cluster has no name")
	case r.Clusters[c.Name] != nil:
		return fmt.Errorf("cluster %q is there twice", c.Name)
	case c.Problem != "":
		r.Live.Clusters[c.Name] = c.Problem
		r.Clusters[c.Name] = &Cluster{Failed: errors.New(c.Problem)}
		return nil
	case !strings.HasPrefix(c.Kubernetes, "v"):
		return fmt.Errorf("cluster %q has no version of Kubernetes", c.Name)
	}
	caps := helm.Capabilities{Version: c.Kubernetes, Major: c.Major, Minor: c.Minor, APIVersions: c.APIVersions}
	r.Clusters[c.Name] = &Cluster{Helm: helm.NewOffline(caps)}
	return nil
}

// note refuses a release that is not on a cluster of the file, or there twice.
func (r *Recorded) note(k fileKey) error {
	switch {
	case k.Release == "" || k.Namespace == "":
		return errors.New("its name or namespace is missing")
	case r.Clusters[k.Cluster] == nil:
		return fmt.Errorf("it is on cluster %q, which is not in the file", k.Cluster)
	case r.seen[k.key()]:
		return errors.New("it is there twice")
	}
	r.seen[k.key()] = true
	return nil
}

func (r *Recorded) release(f fileRelease) error {
	key := f.key()
	if err := r.note(f.fileKey); err != nil {
		return err
	}
	if f.Address == "" {
		return errors.New("its address is missing")
	}
	r.Addresses[key] = f.Address
	r.tenant(f.fileKey)
	if f.Owner != "" {
		r.Live.Owners[key] = f.Owner
	}
	if f.Problem != "" {
		r.Live.Problems[key] = f.Problem
		return nil
	}
	if f.Live == nil {
		return nil
	}
	body, err := f.body()
	if err != nil {
		return err
	}
	live, err := LiveOf(body, false)
	if err != nil {
		return err
	}
	live.Defaults = f.Live.Defaults
	for _, s := range f.Live.Subcharts {
		live.Subcharts = append(live.Subcharts, plan.Subchart(s))
	}
	if f.Live.Took != "" {
		if live.Took, err = time.ParseDuration(f.Live.Took); err != nil || live.Took < 0 {
			return fmt.Errorf("took is %q, which is no duration", f.Live.Took)
		}
	}
	r.Live.Releases[key], r.Live.Bodies[key] = live, body
	return nil
}

func (r *Recorded) other(f fileOther) error {
	if err := r.note(f.fileKey); err != nil {
		return err
	}
	r.Live.Others = append(r.Live.Others, f.key())
	if r.tenant(f.fileKey); f.Tenant {
		r.Live.Unmanaged = append(r.Live.Unmanaged, f.key())
	}
	return nil
}

func (r *Recorded) tenant(k fileKey) {
	if k.Tenant {
		r.Live.Tenants++
		r.Live.tenants[k.key()] = true
	}
}

// body is a release's newest revision as if it came from its cluster, without
// what was not written.
func (f *fileRelease) body() (*helm.Release, error) {
	l := f.Live
	switch {
	case l.Revision < 1:
		return nil, fmt.Errorf("its revision is %d", l.Revision)
	case !helm.KnownStatus(l.Status):
		return nil, fmt.Errorf("its status is %q, which Helm does not know", l.Status)
	case l.Chart == "":
		return nil, errors.New("its chart is missing")
	}
	body := &helm.Release{
		Meta:      helm.Meta{Namespace: f.Namespace, Name: f.Release, Revision: l.Revision, Status: l.Status, Modified: l.Modified, Labels: map[string]string{}},
		ChartName: l.Chart, ChartVersion: l.Version, AppVersion: l.AppVersion, ChartDigest: l.ChartDigest,
		ChartAnnotations: map[string]string{SchemaRevisionAnnotation: l.SchemaRevision}, Config: map[string]any{},
	}
	var manifest bytes.Buffer
	for i, o := range l.Objects {
		var named struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := json.Unmarshal(o, &named); err != nil || named.APIVersion == "" || named.Kind == "" {
			return nil, fmt.Errorf("object %d of its manifest is none of Kubernetes", i+1)
		}
		manifest.WriteString("---\n")
		if err := json.Compact(&manifest, o); err != nil {
			return nil, fmt.Errorf("object %d of its manifest is none of Kubernetes", i+1)
		}
		manifest.WriteByte('\n')
	}
	body.Manifest = helm.Pack(manifest.String())
	return body, nil
}

// For holds an observation against files that may have changed since. What they
// name now and nothing was written down of is a problem, not a release that is
// missing; what they name no longer is unmanaged.
func (r *Recorded) For(f *schema.Fleet) (*Live, Clusters, error) {
	live, clusters := newLive(), Clusters{}
	o := *r.Live.Observation
	o.Releases, o.Problems, o.Owners = live.Releases, live.Problems, live.Owners
	live.Observation, live.tenants = &o, r.Live.tenants
	o.Elsewhere = map[plan.ReleaseKey]string{}
	o.Clusters, o.Prerequisites, o.Unmanaged = live.Clusters, live.Prerequisites, nil
	const without = "the observation was made without it; run soctalk observe again with these files"
	for name := range usedClusters(f) {
		c := r.Clusters[name]
		if c == nil {
			c = &Cluster{Failed: errors.New(without)}
		}
		if clusters[name] = c; c.Failed != nil {
			o.Clusters[name] = c.Failed.Error()
		}
	}
	if err := clusters[f.System.Cluster].Failed; err != nil {
		return nil, nil, &ClusterError{f.Clusters[f.System.Cluster], err}
	}
	now := map[plan.ReleaseKey]bool{}
	for key := range named(f) {
		now[key] = true
	}
	for key := range r.seen {
		if plan.Leaves(f, key) {
			now[key] = true
		}
	}
	for key := range now {
		switch {
		case r.Live.Releases[key] != nil:
			live.Releases[key], live.Bodies[key] = r.Live.Releases[key], r.Live.Bodies[key]
		case r.Live.Problems[key] != "":
			live.Problems[key] = r.Live.Problems[key]
		case slices.Contains(r.Live.Others, key):
			live.Problems[key] = "it is live, but " + without
		}
		if owner := r.Live.Owners[key]; owner != "" {
			live.Owners[key] = owner
		}
	}
	seen := slices.Clone(r.Live.Others)
	for key, l := range r.Live.Releases {
		if l.Deployed() {
			seen = append(seen, key)
		}
	}
	for _, key := range seen {
		if now[key] {
			continue
		}
		live.Others = append(live.Others, key)
		if key.Cluster == f.System.Cluster && key.Name == f.System.Name {
			o.Elsewhere[key] = "" // of others, no chart is written down
		}
		if r.Live.tenants[key] {
			o.Unmanaged = append(o.Unmanaged, key)
		}
	}
	for _, p := range f.Prerequisites {
		why, checked := r.checked[p.Name]
		if !checked {
			why = "it was not checked: " + without
		}
		if why != "" {
			o.Prerequisites[p.Name] = why
		}
	}
	slices.SortFunc(live.Others, compareKeys)
	slices.SortFunc(o.Unmanaged, compareKeys)
	return live, clusters, nil
}
