package database

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/soctalk/fleet/internal/kube"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// network dials as a pod in the namespace would: names of Services lead through
// the API server to a pod behind them.
type network struct {
	cluster   *kube.Cluster
	namespace string
}

// place is what a host name can mean inside a cluster.
type place struct {
	pod, service, namespace string
	// certain is false for a name that may as well be one of elsewhere.
	certain bool
}

// inside reads a host name as pods do: service, service.namespace,
// service.namespace.svc and so on, or pod.service.namespace.svc.
func inside(host, namespace string) (place, bool) {
	if host == "localhost" || net.ParseIP(host) != nil {
		return place{}, false
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	switch {
	case slices.Contains(labels, ""):
		return place{}, false
	case len(labels) == 1:
		return place{service: labels[0], namespace: namespace}, true
	case len(labels) == 2:
		return place{service: labels[0], namespace: labels[1]}, true
	case labels[2] == "svc":
		return place{service: labels[0], namespace: labels[1], certain: true}, true
	case len(labels) > 3 && labels[3] == "svc":
		return place{pod: labels[0], service: labels[1], namespace: labels[2], certain: true}, true
	}
	return place{}, false
}

// dial implements pgconn.DialFunc.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	port, portErr := strconv.Atoi(portText)
	if err != nil || portErr != nil || !strings.HasPrefix(network, "tcp") {
		return n.direct(ctx, network, address)
	}
	at, ok := inside(host, n.namespace)
	if !ok {
		return n.direct(ctx, network, address)
	}
	if at.pod != "" {
		return n.cluster.DialPod(ctx, at.namespace, at.pod, port)
	}
	service, err := n.service(ctx, at)
	switch {
	case apierrors.IsNotFound(err) && at.certain:
		return nil, &Error{"find " + host, fmt.Sprintf("there is no Service %s in namespace %s", at.service, at.namespace)}
	case err != nil && at.certain:
		return nil, &Error{"find " + host, n.cluster.ExplainRead(err).Error()}
	case err != nil: // it is another name, or has to be tried as one
		return n.direct(ctx, network, address)
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		return n.direct(ctx, network, net.JoinHostPort(service.Spec.ExternalName, portText))
	}
	return n.behind(ctx, service, port)
}

func (n *network) direct(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (n *network) service(ctx context.Context, at place) (*corev1.Service, error) {
	reading, cancel := n.cluster.Reading(ctx)
	defer cancel()
	return n.cluster.Typed().CoreV1().Services(at.namespace).Get(reading, at.service, metav1.GetOptions{})
}

// behind connects to a ready endpoint of a Service.
func (n *network) behind(ctx context.Context, s *corev1.Service, port int) (net.Conn, error) {
	what := fmt.Sprintf("connect to Service %s/%s", s.Namespace, s.Name)
	name, err := portName(s, port)
	if err != nil {
		return nil, &Error{what, err.Error()}
	}
	reading, cancel := n.cluster.Reading(ctx)
	defer cancel()
	slicesOf, err := n.cluster.Typed().DiscoveryV1().EndpointSlices(s.Namespace).List(reading, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + s.Name})
	if err != nil {
		return nil, &Error{what, n.cluster.ExplainRead(err).Error()}
	}
	found := ready(slicesOf.Items, name, port)
	if len(found) == 0 {
		return nil, &Error{what, "no pod behind it is ready"}
	}
	if first := found[0]; first.pod == "" {
		return n.direct(ctx, "tcp", net.JoinHostPort(first.address, strconv.Itoa(first.port)))
	}
	return n.cluster.DialPod(ctx, s.Namespace, found[0].pod, found[0].port)
}

// portName is the name of a Service's port; nil where pods are reached at the
// very port, as it is without a cluster IP.
func portName(s *corev1.Service, port int) (*string, error) {
	var has []string
	for _, p := range s.Spec.Ports {
		if int(p.Port) == port {
			return &p.Name, nil
		}
		has = append(has, strconv.Itoa(int(p.Port)))
	}
	if s.Spec.ClusterIP == corev1.ClusterIPNone {
		return nil, nil
	}
	return nil, fmt.Errorf("it has no port %d; it has %s", port, strings.Join(has, ", "))
}

// endpoint is one place that a Service leads to; pod is empty outside the
// cluster.
type endpoint struct {
	pod, address string
	port         int
}

// ready are the endpoints that take connections, by pod.
func ready(list []discoveryv1.EndpointSlice, name *string, port int) []endpoint {
	var all []endpoint
	for _, slice := range list {
		target := port
		if name != nil {
			i := slices.IndexFunc(slice.Ports, func(p discoveryv1.EndpointPort) bool {
				return p.Port != nil && (p.Name == nil && *name == "" || p.Name != nil && *p.Name == *name)
			})
			if i < 0 {
				continue
			}
			target = int(*slice.Ports[i].Port)
		}
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready || len(e.Addresses) == 0 {
				continue
			}
			found := endpoint{address: e.Addresses[0], port: target}
			if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
				found.pod = e.TargetRef.Name
			}
			all = append(all, found)
		}
	}
	slices.SortFunc(all, func(a, b endpoint) int { return cmp.Or(cmp.Compare(a.pod, b.pod), cmp.Compare(a.address, b.address)) })
	return all
}
