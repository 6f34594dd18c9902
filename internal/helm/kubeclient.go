package helm

import (
	"context"
	"errors"
	"io"
	"time"

	hkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/validation"

	"github.com/soctalk/fleet/internal/kube"
)

// kubeClient is Helm's own client, except that it waits as package kube does,
// stops when the context ends, and remembers why it failed, which Helm turns
// into text.
type kubeClient struct {
	*hkube.Client
	looks   *looks
	getter  genericclioptions.RESTClientGetter
	cluster *kube.Cluster
	// Helm's interface knows no context.
	ctx      context.Context
	grace    time.Duration
	progress func(kube.Status)
	initLogs io.Writer
	// sent hears of the objects before they go to the cluster.
	sent func([]*unstructured.Unstructured)
	// tried is the newest revision where that failed; else nil.
	tried   *tried
	failure error
}

func (c *Client) kubeClient(ctx context.Context, namespace string, o ApplyOptions) *kubeClient {
	looks := &looks{on: true}
	getter := lookingGetter{c.cluster.RESTClientGetter(namespace), looks}
	k := hkube.New(getter)
	k.Namespace = namespace
	k.Factory = factory{Factory: cmdutil.NewFactory(getter), cluster: c.cluster}
	return &kubeClient{Client: k, looks: looks, getter: getter, cluster: c.cluster, ctx: ctx, grace: c.options.Grace, progress: o.Progress, initLogs: o.InitLogs}
}

// factory hands out the clients that the cluster has already.
type factory struct {
	hkube.Factory
	cluster *kube.Cluster
}

// KubernetesClientSet implements hkube.Factory.
func (f factory) KubernetesClientSet() (*kubernetes.Clientset, error) {
	return f.cluster.Clientset(), nil
}

// DynamicClient implements hkube.Factory.
func (f factory) DynamicClient() (dynamic.Interface, error) { return f.cluster.Dynamic(), nil }

// Validator implements hkube.Factory. Helm reads the whole OpenAPI document to
// find out that the API server validates fields by itself; all that Helm's
// charts may require do.
func (f factory) Validator(string) (validation.Schema, error) { return validation.NullSchema{}, nil }

// IsReachable implements hkube.Interface: the cluster was asked before.
func (k *kubeClient) IsReachable() error { return k.interrupted() }

func (k *kubeClient) interrupted() error {
	if err := context.Cause(k.ctx); err != nil {
		return k.fail(err)
	}
	return nil
}

func (k *kubeClient) fail(err error) error {
	if err != nil {
		k.failure = err
	}
	return err
}

// Build implements hkube.Interface. It follows the rendering, in which templates
// look things up.
func (k *kubeClient) Build(r io.Reader, validate bool) (hkube.ResourceList, error) {
	k.looks.turn(false)
	return k.Client.Build(r, validate)
}

// Create implements hkube.Interface.
func (k *kubeClient) Create(resources hkube.ResourceList) (*hkube.Result, error) {
	if err := k.interrupted(); err != nil {
		return nil, err
	}
	k.sending(resources)
	return k.Client.Create(resources)
}

// Update implements hkube.Interface. Once begun it goes on to its end, so that
// a release is not left half applied by an interrupt.
func (k *kubeClient) Update(original, target hkube.ResourceList, force bool) (*hkube.Result, error) {
	if err := k.interrupted(); err != nil {
		return &hkube.Result{}, err
	}
	k.sending(target)
	if k.tried != nil {
		original = k.tried.onto(original, k.Client)
	}
	k.looks.turn(true)
	defer k.looks.turn(false)
	return k.Client.Update(original, target, force)
}

func (k *kubeClient) sending(resources hkube.ResourceList) {
	var all []*unstructured.Unstructured
	for _, r := range resources {
		if o, ok := r.Object.(*unstructured.Unstructured); ok {
			all = append(all, o)
		}
	}
	k.sent(all)
}

// Wait implements hkube.Interface.
func (k *kubeClient) Wait(resources hkube.ResourceList, timeout time.Duration) error {
	return k.wait(resources, timeout, true)
}

// WaitWithJobs implements hkube.Interface.
func (k *kubeClient) WaitWithJobs(resources hkube.ResourceList, timeout time.Duration) error {
	return k.wait(resources, timeout, false)
}

func (k *kubeClient) wait(resources hkube.ResourceList, timeout time.Duration, skipJobs bool) error {
	ctx, cancel := context.WithTimeout(k.ctx, timeout)
	defer cancel()
	return k.fail(k.cluster.WaitReady(ctx, named(resources), kube.WaitOptions{Grace: k.grace, SkipJobs: skipJobs, Report: k.progress, InitLogs: k.initLogs}))
}

// WatchUntilReady implements hkube.Interface: it waits for the end of a hook's
// Jobs and pods, and for nothing else.
func (k *kubeClient) WatchUntilReady(resources hkube.ResourceList, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(k.ctx, timeout)
	defer cancel()
	return k.fail(k.cluster.WaitDone(ctx, named(resources), kube.WaitOptions{Grace: k.grace, Report: k.progress}))
}

// WaitForDelete implements hkube.InterfaceExt.
func (k *kubeClient) WaitForDelete(resources hkube.ResourceList, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(k.ctx, timeout)
	defer cancel()
	return k.fail(k.cluster.WaitGone(ctx, named(resources)))
}

// named returns what a wait needs to know of the objects.
func named(resources hkube.ResourceList) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, r := range resources {
		o := &unstructured.Unstructured{Object: map[string]any{}}
		// What the API server answered to the write, so this generation.
		if live, ok := r.Object.(*unstructured.Unstructured); ok {
			o.SetGeneration(live.GetGeneration())
			if spec, ok := live.Object["spec"]; ok {
				o.Object["spec"] = spec
			}
		}
		o.SetGroupVersionKind(r.Mapping.GroupVersionKind)
		o.SetNamespace(r.Namespace)
		o.SetName(r.Name)
		all = append(all, o)
	}
	return all
}

// cause returns the error that Helm's is made of, where it is ours.
func (k *kubeClient) cause(err error) error {
	if err == nil || k.failure == nil {
		return err
	}
	if errors.Is(err, k.failure) {
		return k.failure
	}
	return hookCause(err, k.failure)
}
