// Package kube is the only maker of Kubernetes clients. A [Cluster] holds one
// client of each sort for one API server, shares discovery and mapping between
// all of them, and answers the questions that the other rooms have of live
// objects: is this workload ready, and if not, why; did this Job complete.
package kube
