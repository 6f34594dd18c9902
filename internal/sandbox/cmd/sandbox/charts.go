package main

import (
	"context"
	"fmt"
	"os"

	"github.com/soctalk/fleet/internal/sandbox"
	"github.com/soctalk/fleet/internal/sandbox/publish"
)

// publishCharts pushes the charts below folder, if one is given.
func publishCharts(ctx context.Context, c *sandbox.Cluster, folder string) error {
	if folder == "" {
		return nil
	}
	charts, err := publish.Charts(ctx, c.Registry, folder)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "published %d chart versions at oci://%s/%s\n", len(charts), c.Registry, publish.Repository)
	return nil
}
