package realnode

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/soctalk/fleet/internal/sandbox/realnode/dns"
	"github.com/soctalk/fleet/internal/sandbox/realnode/volumes"
)

// clusterDomain is the end of every Service's name.
const clusterDomain = "cluster.local"

// serve runs what a cluster has as add-ons: names of Services and volumes.
func (n *Node) serve(client kubernetes.Interface) error {
	address := net.JoinHostPort(n.network.node.String(), "53")
	udp, err := n.network.listenPacket(address)
	if err != nil {
		return fmt.Errorf("open the name server: %w", err)
	}
	n.closers = append(n.closers, udp)
	tcp, err := n.network.listen(address)
	if err != nil {
		return fmt.Errorf("open the name server: %w", err)
	}
	n.closers = append(n.closers, tcp)
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	if err := dns.Serve(ctx, client, clusterDomain, udp, tcp); err != nil {
		return err
	}
	return volumes.Provision(ctx, client, Name, filepath.Join(n.dir, "volumes"))
}

// advertise makes the API server's own Service lead to it: the API server
// does not do that itself, since its address is a loopback one.
func (n *Node) advertise(ctx context.Context, client kubernetes.Interface, access *rest.Config) error {
	server, err := url.Parse(access.Host)
	if err != nil {
		return fmt.Errorf("advertise the API server: %w", err)
	}
	number, err := strconv.ParseInt(server.Port(), 10, 32)
	if err != nil {
		return fmt.Errorf("advertise the API server: %w", err)
	}
	name, port, protocol := "https", int32(number), corev1.ProtocolTCP
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: "kubernetes", Namespace: metav1.NamespaceDefault,
			Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{n.network.node.String()}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port, Protocol: &protocol}},
	}
	slices := client.DiscoveryV1().EndpointSlices(metav1.NamespaceDefault)
	_, err = slices.Create(ctx, slice, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = slices.Update(ctx, slice, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("advertise the API server: %w", err)
	}
	return nil
}

// ready waits until pods can be placed on the node.
func (n *Node) ready(ctx context.Context, client kubernetes.Interface) error {
	return n.until(ctx, "the kubelet", func() error {
		node, err := client.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("node %s is not ready", Name)
	})
}
