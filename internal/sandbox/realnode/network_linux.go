package realnode

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// uplink is the name of the node's own end of its link to the machine.
const uplink = "uplink"

// network is the link between the machine and a node, and the addresses
// behind it: subnet .1 is the node's, .2 the machine's, the rest the pods'.
// The link, and the route over it, go with the node's network namespace.
type network struct {
	name      string // of the machine's end
	namespace *os.File
	node      net.IP
	machine   net.IP
	pods      *net.IPNet
}

// connect makes the link to the network namespace of a process, with the
// first addresses that are free on this machine.
func connect(pid int) (*network, error) {
	namespace, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "ns/net"))
	if err != nil {
		return nil, fmt.Errorf("open the node's network: %w", err)
	}
	n := &network{namespace: namespace}
	if err := n.link(); err != nil {
		_ = namespace.Close()
		return nil, err
	}
	return n, nil
}

func (n *network) link() error {
	for number := range 200 {
		n.node = net.IPv4(10, 213, byte(number), 1).To4()
		n.machine = net.IPv4(10, 213, byte(number), 2).To4()
		n.pods = &net.IPNet{IP: net.IPv4(10, 213, byte(number), 0).To4(), Mask: net.CIDRMask(24, 32)}
		taken, err := overlaps(n.pods)
		if err != nil {
			return err
		}
		if taken {
			continue
		}
		n.name = "soctalk" + strconv.Itoa(number)
		attributes := netlink.NewLinkAttrs()
		attributes.Name = n.name
		veth := &netlink.Veth{LinkAttrs: attributes, PeerName: uplink, PeerNamespace: netlink.NsFd(n.namespace.Fd())}
		// The name is what two owners at the same moment compete for.
		if err := netlink.LinkAdd(veth); errors.Is(err, syscall.EEXIST) {
			continue
		} else if err != nil {
			return fmt.Errorf("make the node's link %s: %w", n.name, err)
		}
		if err := n.configure(); err != nil {
			return fmt.Errorf("configure the node's link %s: %w", n.name, err)
		}
		return nil
	}
	return errors.New("no addresses left for the node in 10.213.0.0/16")
}

// overlaps tells whether the machine routes part of a subnet already.
func overlaps(subnet *net.IPNet) (bool, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return false, fmt.Errorf("read the machine's routes: %w", err)
	}
	for _, route := range routes {
		if route.Dst == nil {
			continue
		}
		if ones, _ := route.Dst.Mask.Size(); ones == 0 {
			continue // the default route
		}
		if route.Dst.Contains(subnet.IP) || subnet.Contains(route.Dst.IP) {
			return true, nil
		}
	}
	return false, nil
}

// configure sets the link up: at the machine's end, then at the node's.
func (n *network) configure() error {
	machine, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer machine.Close()
	if err := raise(machine, n.name, n.machine, n.node); err != nil {
		return err
	}
	link, err := machine.LinkByName(n.name)
	if err != nil {
		return err
	}
	if err := machine.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: n.pods, Gw: n.node}); err != nil {
		return fmt.Errorf("add the route to the pods: %w", err)
	}
	return n.inside(func() error {
		node, err := netlink.NewHandle()
		if err != nil {
			return err
		}
		defer node.Close()
		loopback, err := node.LinkByName("lo")
		if err != nil {
			return err
		}
		if err := node.LinkSetUp(loopback); err != nil {
			return err
		}
		if err := raise(node, uplink, n.node, n.machine); err != nil {
			return err
		}
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
			return fmt.Errorf("forward packets: %w", err)
		}
		return nil
	})
}

// raise gives a link its address, and a route to the other end.
func raise(handle *netlink.Handle, name string, own, other net.IP) error {
	link, err := handle.LinkByName(name)
	if err != nil {
		return err
	}
	host := net.CIDRMask(32, 32)
	if err := handle.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: own, Mask: host}}); err != nil {
		return fmt.Errorf("add the address %s: %w", own, err)
	}
	if err := handle.LinkSetUp(link); err != nil {
		return err
	}
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: &net.IPNet{IP: other, Mask: host}, Src: own,
	}
	if err := handle.RouteAdd(route); err != nil {
		return fmt.Errorf("add the route to %s: %w", other, err)
	}
	return nil
}

// inside runs f in the node's network. Sockets that it opens stay there.
func (n *network) inside(f func() error) error {
	result := make(chan error)
	go func() {
		// The thread ends with this goroutine, as it is never unlocked, so
		// no other one finds itself in the node's network.
		runtime.LockOSThread()
		if err := unix.Setns(int(n.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter the node's network: %w", err)
			return
		}
		result <- f()
	}()
	return <-result
}

// listen opens a listening socket in the node's network.
func (n *network) listen(address string) (listener net.Listener, err error) {
	err = n.inside(func() error {
		listener, err = net.Listen("tcp4", address)
		return err
	})
	return listener, err
}

// listenPacket opens a UDP socket in the node's network.
func (n *network) listenPacket(address string) (connection net.PacketConn, err error) {
	err = n.inside(func() error {
		connection, err = net.ListenPacket("udp4", address)
		return err
	})
	return connection, err
}

// address returns an address of the subnet by its last byte.
func (n *network) address(last byte) net.IP {
	return net.IPv4(n.node[0], n.node[1], n.node[2], last).To4()
}
