// Package realnode joins one real node to a sandbox: a kubelet on containerd,
// for what only real pods can show: init containers, a real PostgreSQL,
// exec, logs and HTTP through the service proxy. It needs Linux and root.
//
// The node lives in namespaces of its own for processes, mounts and the
// network. The machine sees one network interface, one route and one tree of
// control groups; all but the empty control groups are gone as soon as the
// node's owner is, however it ends, and the next Start removes those. What
// stays is an empty /var/lib/cni, and the images in the user's cache.
//
// In a sandbox without simulated nodes (sandbox.Options{Nodes: -1}) every pod
// runs on the real node, so that charts need no change. Beside simulated
// nodes, Options.Tainted keeps pods off it that do not ask for it by
// NodeSelector and Toleration.
package realnode

import (
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Name is the name of the node.
const Name = "real-1"

// Label and its value mark the node, and its taint if it has one.
const (
	Label      = "sandbox.soctalk.io/node"
	LabelValue = "real"
)

// Options say how to start a node.
type Options struct {
	// Tainted keeps pods away that do not tolerate Toleration.
	Tainted bool
	// Log receives lines about the progress, for people. It may be nil.
	Log io.Writer
}

// NodeSelector places a pod on the real node.
func NodeSelector() map[string]string { return map[string]string{Label: LabelValue} }

// Toleration lets a pod onto a tainted real node.
func Toleration() corev1.Toleration {
	return corev1.Toleration{
		Key: Label, Operator: corev1.TolerationOpEqual, Value: LabelValue, Effect: corev1.TaintEffectNoSchedule,
	}
}

// UnavailableError says why a real node cannot run here.
type UnavailableError struct {
	Reasons []string
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("real node: %s", strings.Join(e.Reasons, "; "))
}
