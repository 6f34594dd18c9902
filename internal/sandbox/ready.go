package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// startTimeout is generous: on a busy machine everything takes its time.
const startTimeout = 2 * time.Minute

// populate starts what talks to the API server, creates the simulated nodes
// and the storage classes, and waits until all of it is ready.
func (c *Cluster) populate(ctx context.Context, l *launch, k *keys, nodes int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %s", startTimeout))
	defer cancel()
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	// The controllers give up on an API server that is not healthy within
	// 10 s of their own start, so they wait for this.
	if err := c.until(ctx, "kube-apiserver", func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/healthz").Do(ctx).Error()
	}); err != nil {
		return err
	}
	if err := errors.Join(c.startControllers(l, k), c.startScheduler(l)); err != nil {
		return err
	}
	if c.podLogs, err = servePodLogs(client, k); err != nil {
		return err
	}
	if err := createObjects(ctx, client, nodes, c.podLogs.port); err != nil {
		return err
	}
	// Without simulated nodes, nobody may simulate volumes either.
	if nodes > 0 {
		if err := c.startNodes(l); err != nil {
			return err
		}
	}
	if err := c.until(ctx, "the simulated nodes", func(ctx context.Context) error { return nodesReady(ctx, client) }); err != nil {
		return err
	}
	return c.until(ctx, "the default ServiceAccount", func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// until asks again and again until ready returns nil. It gives up when the
// context or one of the servers ends.
func (c *Cluster) until(ctx context.Context, what string, ready func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // what the deadline cut short says nothing
			last = err
		}
		for _, p := range c.processes {
			select {
			case <-p.done:
				return p.ended()
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; at last: %w", what, context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

func nodesReady(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, node := range nodes.Items {
		if len(node.Spec.Taints) > 0 {
			return fmt.Errorf("node %s has the taint %s", node.Name, node.Spec.Taints[0].Key)
		}
		if !nodeReady(&node) {
			return fmt.Errorf("node %s is not ready", node.Name)
		}
	}
	return nil
}

func nodeReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
