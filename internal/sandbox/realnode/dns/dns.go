// Package dns answers for the names of Services in a sandbox, as the cluster
// DNS of a real cluster does: <service>.<namespace>.svc.<domain> is the
// Service's own address, or those of its ready pods if it has none, and
// <pod>.<service>.<namespace>.svc.<domain> is the address of a pod with a
// hostname, such as one of a StatefulSet. Nothing else has an address.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
)

// Serve answers on the sockets until they are closed or the context ends. It
// returns once it knows the Services that are there.
func Serve(ctx context.Context, client kubernetes.Interface, domain string, udp net.PacketConn, tcp net.Listener) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	r := &resolver{
		suffix:   ".svc." + dns.Fqdn(domain),
		services: factory.Core().V1().Services().Lister(),
		slices:   factory.Discovery().V1().EndpointSlices().Lister(),
	}
	factory.Start(ctx.Done())
	for informer, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("serve names: read the %s: %w", informer, context.Cause(ctx))
		}
	}
	for _, server := range []*dns.Server{{PacketConn: udp, Handler: r}, {Listener: tcp, Handler: r}} {
		started := make(chan error, 1)
		server.NotifyStartedFunc = func() { started <- nil }
		go func() {
			if err := server.ActivateAndServe(); err != nil {
				started <- err
			}
		}()
		if err := <-started; err != nil {
			return fmt.Errorf("serve names: %w", err)
		}
		context.AfterFunc(ctx, func() { _ = server.Shutdown() })
	}
	return nil
}

type resolver struct {
	suffix   string // of all names that this knows, such as ".svc.cluster.local."
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

// errNoName says that a name does not exist, unlike one without addresses.
var errNoName = errors.New("no such name")

// ServeDNS answers one query.
func (r *resolver) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(query)
	reply.Authoritative = true
	for _, question := range query.Question {
		addresses, err := r.resolve(strings.ToLower(question.Name))
		switch {
		case errors.Is(err, errNoName):
			reply.Rcode = dns.RcodeNameError
		case err != nil:
			reply.Rcode = dns.RcodeServerFailure
		case question.Qtype == dns.TypeA:
			for _, address := range addresses {
				header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
				reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: net.ParseIP(address)})
			}
		}
	}
	_ = w.WriteMsg(reply) // whoever asked asks again
}

// resolve returns the IPv4 addresses of a name.
func (r *resolver) resolve(name string) ([]string, error) {
	inside, ok := strings.CutSuffix(name, r.suffix)
	if !ok {
		return nil, errNoName
	}
	parts := strings.Split(inside, ".")
	hostname := ""
	if len(parts) == 3 {
		hostname, parts = parts[0], parts[1:]
	}
	if len(parts) != 2 {
		return nil, errNoName
	}
	service, err := r.services.Services(parts[1]).Get(parts[0])
	if err != nil {
		return nil, errNoName
	}
	headless := service.Spec.ClusterIP == corev1.ClusterIPNone
	if hostname == "" && !headless {
		return []string{service.Spec.ClusterIP}, nil
	}
	addresses, err := r.endpoints(service, hostname)
	if err == nil && hostname != "" && len(addresses) == 0 {
		return nil, errNoName
	}
	return addresses, err
}

// endpoints returns the addresses behind a Service: all, or those of one
// hostname.
func (r *resolver) endpoints(service *corev1.Service, hostname string) ([]string, error) {
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service.Name})
	slices, err := r.slices.EndpointSlices(service.Namespace).List(selector)
	if err != nil {
		return nil, fmt.Errorf("find the endpoints of %s/%s: %w", service.Namespace, service.Name, err)
	}
	var addresses []string
	for _, slice := range slices {
		if slice.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			named := hostname == "" || (endpoint.Hostname != nil && *endpoint.Hostname == hostname)
			if named && (ready || service.Spec.PublishNotReadyAddresses) {
				addresses = append(addresses, endpoint.Addresses...)
			}
		}
	}
	return addresses, nil
}
