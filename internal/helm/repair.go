package helm

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/release"
)

// Fail marks a pending revision, whose program is gone, as failed, so that the
// release can be changed again. One that was written since is a [StaleError].
func (c *Client) Fail(ctx context.Context, pending *Release, why string) (*Release, error) {
	s := c.store(pending.Namespace, pending.Name, ApplyOptions{})
	key := secretName(pending.Name, pending.Revision)
	now, err := c.Get(ctx, pending.Namespace, pending.Name, 0)
	if err != nil {
		return nil, err
	}
	if now.BodyDigest != pending.BodyDigest {
		return nil, &StaleError{Namespace: pending.Namespace, Name: pending.Name, Expected: pending.Revision, Found: now.Revision}
	}
	r, err := s.Get(key)
	if err != nil {
		return nil, fmt.Errorf("reading revision %d of release %s/%s: %w", pending.Revision, pending.Namespace, pending.Name, c.cluster.Explain(err))
	}
	r.SetStatus(release.StatusFailed, why)
	if err := s.Update(key, r); err != nil {
		return nil, fmt.Errorf("marking revision %d of release %s/%s as failed: %w", pending.Revision, pending.Namespace, pending.Name, c.cluster.Explain(err))
	}
	return c.Get(ctx, pending.Namespace, pending.Name, pending.Revision)
}
