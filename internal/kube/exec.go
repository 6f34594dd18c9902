package kube

import (
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// defaultContainer is the annotation by which a pod says which of its
// containers is meant where none is named.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// Command is a command to run in a container.
type Command struct {
	Namespace, Pod string
	// Container may be empty: then it is the pod's default one.
	Container string
	Argv      []string
	// Any of these may be nil.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// ExitError says that a command ended with a code other than zero.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return fmt.Sprintf("it ended with exit code %d", e.Code) }

// Exec runs a command to its end. It is never repeated by itself.
func (c *Cluster) Exec(ctx context.Context, cmd Command) error {
	pod, err := c.runningPod(ctx, cmd.Namespace, cmd.Pod)
	if err != nil {
		return err
	}
	container := cmd.Container
	if container == "" {
		container = pod.Annotations[defaultContainer]
	}
	if container == "" {
		container = pod.Spec.Containers[0].Name
	}
	url := c.streaming.CoreV1().RESTClient().Post().Namespace(cmd.Namespace).Resource("pods").Name(cmd.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: container, Command: cmd.Argv, Stdin: cmd.Stdin != nil, Stdout: cmd.Stdout != nil, Stderr: cmd.Stderr != nil,
		}, scheme.ParameterCodec).URL()
	config := c.upgradeConfig()
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", url)
	if err != nil {
		return c.Explain(err)
	}
	websocket, err := remotecommand.NewWebSocketExecutor(config, "GET", url.String())
	if err != nil {
		return c.Explain(err)
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, noWebsocket)
	if err != nil {
		return c.Explain(err)
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: cmd.Stdin, Stdout: cmd.Stdout, Stderr: cmd.Stderr})
	var exit utilexec.CodeExitError
	if errors.As(err, &exit) {
		return &ExitError{Code: exit.Code}
	}
	return c.Explain(err)
}

// runningPod returns a pod, or says why nothing can be done in it.
func (c *Cluster) runningPod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	reading, cancel := c.Reading(ctx)
	defer cancel()
	pod, err := c.typed.CoreV1().Pods(namespace).Get(reading, name, metav1.GetOptions{})
	if err != nil {
		return nil, c.ExplainRead(err)
	}
	if pod.Status.Phase != corev1.PodRunning {
		return nil, fmt.Errorf("pod %s/%s is %s, not Running", namespace, name, pod.Status.Phase)
	}
	return pod, nil
}

// upgradeConfig is for requests that become streams. They do something, though
// they are GETs, so that none may be repeated.
func (c *Cluster) upgradeConfig() *rest.Config {
	config := c.RESTConfig()
	config.WrapTransport = nil
	return config
}

// noWebsocket tells that an API server, or what is before it, knows the older
// protocol alone.
func noWebsocket(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}
