//go:build !linux

package realnode

import (
	"context"

	"github.com/soctalk/fleet/internal/sandbox"
)

// Node is a running real node.
type Node struct{}

// Available returns nil where a real node can run, and an *UnavailableError
// that names each reason elsewhere.
func Available() error { return &UnavailableError{Reasons: []string{"not Linux"}} }

// Start joins a real node to a cluster.
func Start(context.Context, *sandbox.Cluster, Options) (*Node, error) { return nil, Available() }

// ImportImage makes the images of an OCI or Docker archive known to the node.
func (*Node) ImportImage(context.Context, string) error { return Available() }

// Stop ends the node.
func (*Node) Stop() error { return nil }
