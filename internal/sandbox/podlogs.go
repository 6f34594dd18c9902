package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// logsAnnotation of a pod is what its containers have written.
const logsAnnotation = "sandbox.soctalk.io/logs"

// podLogs stands in for the kubelets of the simulated nodes: the API server
// asks it for the logs of their pods.
type podLogs struct {
	client kubernetes.Interface
	server *http.Server
	port   int32
}

// servePodLogs starts to answer, on a port of its own.
func servePodLogs(client kubernetes.Interface, k *keys) (*podLogs, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the logs of simulated pods: %w", err)
	}
	p := &podLogs{client: client, port: int32(listener.Addr().(*net.TCPAddr).Port)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", p.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "a simulated pod runs nothing: it has logs, but takes no commands and no connections", http.StatusNotImplemented)
	})
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.ServeTLS(listener, k.certFile, k.keyFile) }()
	return p, nil
}

func (p *podLogs) close() { _ = p.server.Close() }

func (p *podLogs) serve(w http.ResponseWriter, r *http.Request) {
	namespace, name, container := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
	pod, err := p.client.CoreV1().Pods(namespace).Get(r.Context(), name, metav1.GetOptions{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	status := containerStatus(pod, container)
	if status == nil || status.State.Waiting != nil && status.RestartCount == 0 {
		reason := "ContainerCreating"
		if status != nil {
			reason = status.State.Waiting.Reason
		}
		http.Error(w, fmt.Sprintf("container %q in pod %q is waiting to start: %s", container, name, reason), http.StatusBadRequest)
		return
	}
	query := r.URL.Query()
	lines := logLines(pod, container)
	if tail, err := strconv.Atoi(query.Get("tailLines")); err == nil && tail >= 0 && tail < len(lines) {
		lines = lines[len(lines)-tail:]
	}
	stamp := ""
	if query.Get("timestamps") == "true" {
		stamp = pod.CreationTimestamp.UTC().Format(time.RFC3339Nano) + " "
	}
	for _, line := range lines {
		_, _ = io.WriteString(w, stamp+line+"\n")
	}
	if query.Get("follow") == "true" {
		_ = http.NewResponseController(w).Flush()
		p.untilStopped(r.Context(), pod, container)
	}
}

// untilStopped waits until a container runs no more or the client leaves.
func (p *podLogs) untilStopped(ctx context.Context, pod *corev1.Pod, container string) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		status := containerStatus(pod, container)
		if status == nil || status.State.Running == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := p.client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || errors.Is(err, context.Canceled) {
			return
		}
		if err == nil {
			pod = now
		}
	}
}

func containerStatus(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range statuses {
			if statuses[i].Name == name {
				return &statuses[i]
			}
		}
	}
	return nil
}

// logLines is what the annotation says or else what the container would run.
func logLines(pod *corev1.Pod, container string) []string {
	if text := pod.Annotations[logsAnnotation]; text != "" {
		return strings.Split(strings.TrimRight(text, "\n"), "\n")
	}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		if c.Name == container {
			return []string{fmt.Sprintf("simulated: %s %s", c.Image, strings.Join(append(c.Command, c.Args...), " "))}
		}
	}
	return nil
}
