package kube

import (
	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// The Kubernetes libraries log to standard error, which belongs to diagnostics;
// what they have to say comes back as errors too.
func init() { klog.SetLogger(logr.Discard()) }
