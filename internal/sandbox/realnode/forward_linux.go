package realnode

import (
	"io"
	"net"
	"sync"
)

// forward connects whoever comes to the listener with the target, until the
// listener is closed.
func forward(listener net.Listener, target string) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go join(connection.(*net.TCPConn), target)
	}
}

func join(near *net.TCPConn, target string) {
	defer func() { _ = near.Close() }()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return // the near end sees its connection closed
	}
	defer func() { _ = far.Close() }()
	var both sync.WaitGroup
	both.Go(func() { pass(far.(*net.TCPConn), near) })
	both.Go(func() { pass(near, far.(*net.TCPConn)) })
	both.Wait()
}

// pass copies until the end and passes that on, too.
func pass(to, from *net.TCPConn) {
	_, _ = io.Copy(to, from)
	_ = to.CloseWrite()
}
