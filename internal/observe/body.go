package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/soctalk/fleet/internal/helm"
	"github.com/soctalk/fleet/internal/kube"
	"github.com/soctalk/fleet/plan"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// bodyReads is how often a body is asked for when the connection breaks in the
// middle of the answer; what breaks earlier is repeated below.
const bodyReads = 3

// bodies reads the newest revisions of a cluster's releases.
func (o *observer) bodies(ctx context.Context, name string, wanted []helm.Meta) error {
	silence := kube.NewSilence(o.parallel)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	for _, m := range wanted {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			if err := silence.Note(o.body(ctx, name, m)); err != nil {
				return fmt.Errorf("it stopped answering half-way, after %d of %d releases: %w", silence.Heard(), len(wanted), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// body reads one revision, or notes why that cannot be done. The error is the
// API server's failure to answer.
func (o *observer) body(ctx context.Context, cluster string, m helm.Meta) error {
	key := plan.ReleaseKey{Cluster: cluster, Namespace: m.Namespace, Name: m.Name}
	body, err := o.clusters[cluster].remembered(ctx, cluster, m)
	var live *plan.Live
	var silent error
	if err == nil {
		live, err = LiveOf(body, key == plan.KeyOf(&o.fleet.System.Release))
	} else {
		silent = unanswered(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case ctx.Err() != nil: // whatever failed, this is why
	case err != nil:
		o.live.Problems[key] = err.Error()
	default:
		o.live.Releases[key], o.live.Bodies[key] = live, body
	}
	return silent
}

// remembered reads a body, unless it is known from an earlier plan.
func (c *Cluster) remembered(ctx context.Context, cluster string, m helm.Meta) (*helm.Release, error) {
	name := strings.Join([]string{"body", cluster, m.Namespace, m.Name}, "/")
	known := &helm.Release{}
	if c.Memory.Get(name, m.State, known) {
		known.Meta = m
		return known, nil
	}
	body, err := c.get(ctx, m)
	if err != nil {
		return nil, err
	}
	_ = c.Memory.Put(name, body.State, body) // it is read again then
	return body, nil
}

// get reads a body, again when the answer breaks off.
func (c *Cluster) get(ctx context.Context, m helm.Meta) (body *helm.Release, err error) {
	ctx, cancel := c.Kube.Reading(ctx)
	defer cancel()
	for range bodyReads {
		body, err = c.Helm.Get(ctx, m.Namespace, m.Name, m.Revision)
		var status apierrors.APIStatus
		if unanswered(err) == nil || errors.As(err, &status) || ctx.Err() != nil {
			break
		}
	}
	return body, err
}

// unanswered returns the error where it tells of the API server and not of the
// release.
func unanswered(err error) error {
	var read *kube.ReadError
	var unreachable *kube.UnreachableError
	var unauthorized *kube.UnauthorizedError
	switch {
	case errors.As(err, &read):
		return read
	case errors.As(err, &unreachable):
		return unreachable
	case errors.As(err, &unauthorized), apierrors.IsUnauthorized(err):
		return err
	}
	return nil
}

// LiveOf is a body as far as the planner needs it. Only the chart defaults of
// the system are wanted.
func LiveOf(body *helm.Release, system bool) (*plan.Live, error) {
	version, err := semver.NewVersion(body.ChartVersion)
	if err != nil {
		return nil, fmt.Errorf("its chart version %q is not a semantic version", body.ChartVersion)
	}
	live := &plan.Live{
		Revision: body.Revision, Status: body.Status, Modified: body.Modified, Took: took(body),
		Version: version, Chart: body.ChartName, AppVersion: body.AppVersion, ChartDigest: body.ChartDigest,
		SchemaRevision: body.ChartAnnotations[SchemaRevisionAnnotation],
		Digest:         body.BodyDigest, Values: body.Config, Run: body.Labels[helm.LabelRun],
	}
	for _, s := range body.Subcharts {
		live.Subcharts = append(live.Subcharts, plan.Subchart(s))
	}
	if system && len(body.ChartDefaults) > 0 {
		if err := json.Unmarshal(body.ChartDefaults, &live.Defaults); err != nil {
			return nil, errors.New("the default values of its chart cannot be read")
		}
	}
	return live, nil
}
