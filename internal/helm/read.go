package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/chart"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	secretType = "helm.sh/release.v1"
	// listPage is how many revisions one request asks for.
	listPage = 500
	// namesAtATime is how many releases one request names, so that its address
	// stays short.
	namesAtATime = 50
)

var secrets = corev1.SchemeGroupVersion.WithResource("secrets")

// List returns the newest revision of every release in the cluster, by
// namespace and name. It reads labels only, page by page, and leaves the
// history out.
func (c *Client) List(ctx context.Context) ([]Meta, error) {
	return c.newest(ctx, "owner=helm,status!="+statusSuperseded)
}

// Left returns the newest revision of those releases of the given names of
// which Helm keeps superseded revisions, in whatever namespace. One that [List]
// does not know has lost its newest revision.
func (c *Client) Left(ctx context.Context, names []string) ([]Meta, error) {
	var all []Meta
	for some := range slices.Chunk(names, namesAtATime) {
		left, err := c.newest(ctx, "owner=helm,status="+statusSuperseded+",name in ("+strings.Join(some, ",")+")")
		if err != nil {
			return nil, err
		}
		all = append(all, left...)
	}
	return all, nil
}

// newest returns the newest of the revisions that are selected of each release.
func (c *Client) newest(ctx context.Context, selector string) ([]Meta, error) {
	type key struct{ namespace, name string }
	newest := map[key]Meta{}
	options := metav1.ListOptions{LabelSelector: selector, FieldSelector: "type=" + secretType, Limit: listPage}
	for {
		page, err := c.listPage(ctx, options)
		if apierrors.IsResourceExpired(err) && options.Continue != "" {
			// It took so long that the snapshot behind the pages is gone.
			options.Continue = ""
			clear(newest)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing Helm releases: %w", c.cluster.ExplainRead(err))
		}
		for i := range page.Items {
			m, ok := metaOf(&page.Items[i])
			if !ok {
				m, ok = spoiltMeta(&page.Items[i])
			}
			if !ok {
				continue
			}
			k := key{m.Namespace, m.Name}
			if old, seen := newest[k]; !seen || old.Revision < m.Revision {
				newest[k] = m
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	all := make([]Meta, 0, len(newest))
	for _, m := range newest {
		all = append(all, m)
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return a.Namespace < b.Namespace || a.Namespace == b.Namespace && a.Name < b.Name
	})
	return all, nil
}

func (c *Client) listPage(ctx context.Context, o metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	ctx, cancel := c.cluster.Reading(ctx)
	defer cancel()
	return c.cluster.Metadata().Resource(secrets).List(ctx, o)
}

// History returns what the labels tell about every stored revision of a
// release, newest first.
func (c *Client) History(ctx context.Context, namespace, name string) ([]Meta, error) {
	ctx, cancel := c.cluster.Reading(ctx)
	defer cancel()
	list, err := c.cluster.Metadata().Resource(secrets).Namespace(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: labels.Set{"owner": "helm", "name": name}.String(),
	})
	if err != nil {
		return nil, fmt.Errorf("listing the revisions of release %s/%s: %w", namespace, name, c.cluster.ExplainRead(err))
	}
	var all []Meta
	for i := range list.Items {
		if m, ok := metaOf(&list.Items[i]); ok {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil, &NotFoundError{Namespace: namespace, Name: name}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Revision > all[j].Revision })
	return all, nil
}

// Get returns one revision; zero means the newest. Its errors are a
// [NotFoundError] or a [CorruptError] where it is the revision's own fault.
func (c *Client) Get(ctx context.Context, namespace, name string, revision int) (*Release, error) {
	ctx, cancel := c.cluster.Reading(ctx)
	defer cancel()
	newest := revision == 0
	if newest {
		history, err := c.History(ctx, namespace, name)
		if err != nil {
			return nil, err
		}
		revision = history[0].Revision
	}
	secret, err := c.cluster.Typed().CoreV1().Secrets(namespace).Get(ctx, secretName(name, revision), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, &NotFoundError{Namespace: namespace, Name: name, Revision: revision}
	}
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of release %s/%s: %w", revision, namespace, name, c.cluster.ExplainRead(err))
	}
	r, err := decode(secret)
	if err != nil {
		return nil, &CorruptError{Namespace: namespace, Name: name, Revision: revision, Why: err.Error()}
	}
	if newest {
		r.stored = secret.Data["release"]
	}
	return r, nil
}

func secretName(name string, revision int) string {
	return fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, revision)
}

// metaOf reads a revision's labels; false when they are no revision's.
func metaOf(o metav1.Object) (Meta, bool) {
	l := o.GetLabels()
	revision, err := strconv.Atoi(l["version"])
	if err != nil || l["name"] == "" {
		return Meta{}, false
	}
	m := Meta{Namespace: o.GetNamespace(), Name: l["name"], Revision: revision, Status: l["status"], State: stateOf(o), Modified: o.GetCreationTimestamp().UTC(), Labels: map[string]string{}}
	for _, k := range []string{"modifiedAt", "createdAt"} {
		if at, err := strconv.ParseInt(l[k], 10, 64); err == nil {
			m.Modified = time.Unix(at, 0).UTC()
			break
		}
	}
	own := l[LabelRevision] == l["version"]
	for k, v := range l {
		switch k {
		case "name", "owner", "status", "version", "createdAt", "modifiedAt":
		default:
			if own || !strings.HasPrefix(k, labelPrefix) {
				m.Labels[k] = v
			}
		}
	}
	return m, true
}

var revisionName = regexp.MustCompile(`^sh\.helm\.release\.v1\.(.+)\.v([0-9]+)$`)

// spoiltMeta is what the name of a revision's Secret tells where its labels are
// spoilt. Left out, the release would seem not to be installed; so it is told
// that it is damaged, once its body is read.
func spoiltMeta(o metav1.Object) (Meta, bool) {
	m := revisionName.FindStringSubmatch(o.GetName())
	if m == nil {
		return Meta{}, false
	}
	revision, err := strconv.Atoi(m[2])
	return Meta{Namespace: o.GetNamespace(), Name: m[1], Revision: revision, State: stateOf(o), Modified: o.GetCreationTimestamp().UTC()}, err == nil
}

// body is what Helm stores, as far as it matters here. The chart's templates
// and files are most of it, and are passed over.
type body struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Info    *struct {
		Description  string        `json:"description"`
		LastDeployed helmtime.Time `json:"last_deployed"`
	} `json:"info"`
	Chart *struct {
		Metadata *struct {
			Name        string            `json:"name"`
			Version     string            `json:"version"`
			AppVersion  string            `json:"appVersion"`
			Annotations map[string]string `json:"annotations"`
			// Dependencies are those that the values enable: Helm strikes the
			// others out before it stores a chart.
			Dependencies []dependency `json:"dependencies"`
		} `json:"metadata"`
		Lock *struct {
			Dependencies []dependency `json:"dependencies"`
		} `json:"lock"`
		Values json.RawMessage `json:"values"`
	} `json:"chart"`
	Config   map[string]any `json:"config"`
	Manifest string         `json:"manifest"`
}

type dependency struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// subcharts are the enabled ones with the versions that the lock file pins, or
// the declared ones where those are exact.
func (b *body) subcharts() []chart.Subchart {
	locked := map[string]string{}
	if b.Chart.Lock != nil {
		for _, d := range b.Chart.Lock.Dependencies {
			locked[d.Name] = d.Version
		}
	}
	var all []chart.Subchart
	for _, d := range b.Chart.Metadata.Dependencies {
		s := chart.Subchart{Name: d.Name, Version: locked[d.Name]}
		if _, err := semver.StrictNewVersion(d.Version); s.Version == "" && err == nil {
			s.Version = d.Version
		}
		all = append(all, s)
	}
	return all
}

func decode(secret *corev1.Secret) (*Release, error) {
	m, ok := metaOf(secret)
	if !ok {
		return nil, fmt.Errorf("its labels are not those of a Helm release")
	}
	stored := secret.Data["release"]
	var b body
	if err := unpack(stored, &b); err != nil {
		return nil, err
	}
	if b.Name == "" || b.Info == nil || b.Chart == nil || b.Chart.Metadata == nil {
		return nil, fmt.Errorf("its body lacks the release's name, state or chart")
	}
	if b.Name != m.Name || b.Version != m.Revision {
		return nil, fmt.Errorf("its labels and its body are of different releases or revisions")
	}
	if !known[m.Status] {
		return nil, fmt.Errorf("its label says status %q, which Helm does not know", m.Status)
	}
	r := &Release{
		Meta: m, LastDeployed: b.Info.LastDeployed.Time, ChartName: b.Chart.Metadata.Name, ChartVersion: b.Chart.Metadata.Version, AppVersion: b.Chart.Metadata.AppVersion,
		ChartAnnotations: b.Chart.Metadata.Annotations, ChartDefaults: b.Chart.Values, Subcharts: b.subcharts(),
		Description: b.Info.Description, Config: b.Config, Manifest: Pack(b.Manifest),
		BodyDigest: digestOf(stored), ChartDigest: m.Labels[LabelChartDigest],
	}
	if r.Config == nil {
		r.Config = map[string]any{}
	}
	return r, nil
}
