package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/soctalk/fleet/internal/atomicfile"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/plan"
	"github.com/soctalk/fleet/schema"
)

// Write puts an observation into a file that only its owner can read, for
// planning without access to the clusters. The file holds no value that a
// person supplied, nothing of what a Secret holds, and no hash of either.
func Write(ctx context.Context, path string, f *schema.Fleet, clusters Clusters, live *Live, toolVersion string) error {
	d, err := encode(ctx, f, clusters, live)
	if err != nil {
		return fmt.Errorf("write observation %s: %w", path, err)
	}
	d.FormatVersion, d.Kind, d.ToolVersion, d.Created = fileVersion, FileKind, toolVersion, time.Now().UTC().Truncate(time.Second)
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write observation %s: %w", path, err)
	}
	if err := atomicfile.Write(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write observation: %w", err)
	}
	return nil
}

func encode(ctx context.Context, f *schema.Fleet, clusters Clusters, live *Live) (*onDisk, error) {
	r := newRedactor(f, live)
	for name, c := range clusters {
		if c.Failed != nil || live.Clusters[name] != "" {
			continue // nothing of it is written
		}
		if err := r.learnCluster(ctx, name, c, live); err != nil {
			return nil, fmt.Errorf("cluster %s: reading what its Secrets hold, so that none of it is written: %w", name, err)
		}
	}
	d := &onDisk{Clusters: []fileCluster{}, Releases: []fileRelease{}, Others: []fileOther{}, Prerequisites: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		c := fileCluster{Name: name, Problem: r.message(live.Clusters[name])}
		if clusters[name].Failed == nil && c.Problem == "" {
			caps, err := clusters[name].Helm.Capabilities(ctx)
			if err != nil {
				return nil, fmt.Errorf("cluster %s: %w", name, err)
			}
			c.Kubernetes, c.Major, c.Minor, c.APIVersions = caps.Version, caps.Major, caps.Minor, caps.APIVersions
		}
		d.Clusters = append(d.Clusters, c)
	}
	addresses := map[plan.ReleaseKey]string{}
	for key := range live.Releases {
		addresses[key] = plan.LeavingAddress(f, key)
	}
	for _, release := range f.Releases() {
		addresses[plan.KeyOf(release)] = release.Address
	}
	for _, key := range slices.SortedFunc(maps.Keys(addresses), compareKeys) {
		out := fileRelease{
			fileKey: fileKeyOf(key, live.tenants[key]), Address: addresses[key],
			Problem: r.message(live.Problems[key]), Owner: r.message(live.Owners[key]),
		}
		if l := live.Releases[key]; l != nil && live.Clusters[key.Cluster] == "" {
			var err error
			if out.Live, err = r.live(l, live.Bodies[key]); err != nil {
				out.Live, out.Problem = nil, r.message(fmt.Sprintf("its stored manifest cannot be read: %v", err))
			}
		}
		if out.Live != nil || out.Problem != "" || out.Owner != "" {
			d.Releases = append(d.Releases, out)
		}
	}
	for _, key := range live.Others {
		d.Others = append(d.Others, fileOther{fileKeyOf(key, live.tenants[key])})
	}
	for _, p := range f.Prerequisites {
		d.Prerequisites[p.Name] = r.message(live.Prerequisites[p.Name])
	}
	if db := live.Database; db != nil {
		d.Database = &fileDatabase{Revision: db.Revision, Problem: r.message(db.Problem)}
	}
	return d, nil
}

// live is one release without its values, descriptions, hooks and digests.
func (r *redactor) live(l *plan.Live, body *helm.Release) (*fileLive, error) {
	objects, err := body.Objects()
	if err != nil {
		return nil, err
	}
	out := &fileLive{
		Revision: l.Revision, Status: l.Status, Modified: l.Modified, Chart: l.Chart, Version: l.Version.Original(), AppVersion: l.AppVersion,
		ChartDigest: l.ChartDigest, SchemaRevision: l.SchemaRevision, Objects: make([]json.RawMessage, len(objects)),
	}
	if l.Took > 0 {
		out.Took = l.Took.String()
	}
	for _, s := range l.Subcharts {
		out.Subcharts = append(out.Subcharts, fileSubchart(s))
	}
	if l.Defaults != nil {
		out.Defaults, _ = r.value(l.Defaults, []string{"values"}).(map[string]any)
	}
	for i, o := range objects {
		if out.Objects[i], err = json.Marshal(r.object(o.Object)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
