// Package sandbox runs a real Kubernetes control plane on this machine, for
// tests and demonstrations: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler and an OCI registry, all on 127.0.0.1, and simulated nodes.
// It needs no root, no container engine and no network once its binary is
// built. Any number of sandboxes run at the same time. It works on Linux and
// macOS.
//
// # Simulated pods
//
// The controllers and the scheduler are the real ones; the pods are simulated
// from there on. A pod becomes ready at once, a pod that runs to its end (a
// Job's, whose restartPolicy is not Always) completes at once, init containers
// have completed, claims get volumes. There are logs, but no exec, no port
// forwarding and no HTTP.
//
// Annotations of a pod, so usually of a pod template, make it behave badly:
//
//	sandbox.soctalk.io/behavior: fail        containers exit with 1: with restartPolicy Never the pod
//	                                         fails, otherwise it is in CrashLoopBackOff, its
//	                                         restartCount growing
//	sandbox.soctalk.io/behavior: crash       ready first, then as fail
//	sandbox.soctalk.io/behavior: init-fail   as fail, but the first init container
//	sandbox.soctalk.io/behavior: image-pull  ImagePullBackOff
//	sandbox.soctalk.io/behavior: hang        ContainerCreating for ever
//	sandbox.soctalk.io/behavior: late=5      the same as the delay 5s
//	sandbox.soctalk.io/delay: 5s             the pod takes that long to become ready or, when it runs
//	                                         to its end, to end, well or not
//	sandbox.soctalk.io/logs: text            what its containers have written
//
// An image with the tag broken cannot be pulled: its container is in
// ImagePullBackOff, the others run.
//
// # Volumes
//
// The default StorageClass, sandbox-csi, belongs to a CSI driver and makes
// CSI volumes; local-path is what small clusters have, a folder on a node.
//
// [Cluster.StartSnapshots] adds volume snapshots: the real definitions, snapshot
// controller and sidecar, and a stand-in for the CSI driver. What is on a volume
// is the annotation sandbox.soctalk.io/holds of its PersistentVolume, which
// snapshots take along. A VolumeSnapshotClass with the parameter fail lets
// every snapshot fail, with that message; with pending, none gets ready.
package sandbox
