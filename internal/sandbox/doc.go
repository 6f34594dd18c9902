// Package sandbox runs a real Kubernetes control plane on this machine: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler and an OCI registry,
// all on 127.0.0.1, with simulated nodes. Any number of sandboxes can run at
// the same time.
package sandbox
