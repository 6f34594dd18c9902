package sandbox

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reservePort binds a free port of 127.0.0.1 without listening on it. A
// server of the same user that sets SO_REUSEPORT, as etcd and the API server
// can, listens there; nobody else can take the port until the file is closed.
func reservePort() (int, *os.File, error) {
	// No process may be started before the socket is marked, or it would
	// inherit the socket and keep the port.
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, nil, fmt.Errorf("reserve a port: socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "reserved port")
	port, err := bindReusable(fd)
	if err != nil {
		_ = file.Close()
		return 0, nil, fmt.Errorf("reserve a port: %w", err)
	}
	return port, file, nil
}

func bindReusable(fd int) (int, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, fmt.Errorf("set SO_REUSEPORT: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, fmt.Errorf("bind: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, fmt.Errorf("read the bound address: %w", err)
	}
	return name.(*unix.SockaddrInet4).Port, nil
}

// FreeAddress is a port of 127.0.0.1 where nobody listens at the moment, for
// servers that can be handed nothing else.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// listenFile opens a listening socket on a free port of 127.0.0.1 to be
// handed to a server.
func listenFile() (string, *os.File, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = listener.Close() }()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return "", nil, fmt.Errorf("duplicate the listening socket: %w", err)
	}
	return listener.Addr().String(), file, nil
}
