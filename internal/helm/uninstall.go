package helm

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// Uninstall takes a release away, with its history, and waits until its objects
// are gone. What the chart marks to be kept, and the claims of StatefulSets,
// stay. A release that is not at base any more is a [StaleError], and nothing
// was changed; one that an earlier attempt left half way is taken up.
//
// Helm forgets a release even when its objects are not gone in time: the error
// then names them, and there is nothing left to try again.
func (c *Client) Uninstall(ctx context.Context, base *Release, o ApplyOptions) error {
	a := c.action(ctx, base.Namespace, base.Name, o)
	a.scrub = newScrubber(base.Config, base.Namespace, base.Name, base.ChartName, base.ChartVersion, base.AppVersion)
	a.store.base = base
	if _, err := a.store.Query(map[string]string{"owner": "helm", "name": base.Name}); errors.Is(err, driver.ErrReleaseNotFound) {
		return &StaleError{Namespace: base.Namespace, Name: base.Name, Expected: base.Revision}
	} else if err != nil {
		return fmt.Errorf("reading release %s/%s before uninstalling it: %w", base.Namespace, base.Name, err)
	}
	un := action.NewUninstall(a.config)
	un.Timeout, un.Wait = o.timeout(), true
	_, err := un.Run(base.Name)
	_, err = a.result("uninstall", nil, err)
	return err
}
