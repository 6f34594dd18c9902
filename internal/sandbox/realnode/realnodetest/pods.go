package realnodetest

import (
	"bytes"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// Client returns a client of the shared sandbox with all rights.
func Client(t testing.TB) kubernetes.Interface {
	t.Helper()
	config, err := Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Exec runs a command in a container and returns what it wrote to its
// standard output, without the white space around that.
func Exec(t testing.TB, namespace, pod, container string, command ...string) string {
	t.Helper()
	config, err := Cluster(t).RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	request := Client(t).CoreV1().RESTClient().Post().
		Namespace(namespace).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(config, "GET", request.URL().String())
	if err != nil {
		t.Fatalf("exec %q in %s/%s: %v", command, namespace, pod, err)
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		t.Fatalf("exec %q in %s/%s: %v\n%s", command, namespace, pod, err, stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

// Logs returns what a container has written.
func Logs(t testing.TB, namespace, pod, container string) string {
	t.Helper()
	options := &corev1.PodLogOptions{Container: container}
	logs, err := Client(t).CoreV1().Pods(namespace).GetLogs(pod, options).DoRaw(t.Context())
	if err != nil {
		t.Fatalf("read the logs of %s in %s/%s: %v", container, namespace, pod, err)
	}
	return string(logs)
}
