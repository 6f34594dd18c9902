package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// runRegistry serves an OCI registry, on an open socket or on an address.
// Blobs are kept on disk, manifests in memory: a registry lives as long as
// its sandbox.
func runRegistry() int {
	flags := flag.NewFlagSet("registry", flag.ExitOnError)
	fd := flags.Int("listen-fd", 0, "`number` of the file descriptor of an open listening socket")
	address := flags.String("listen", "127.0.0.1:0", "`address` to listen on, unless -listen-fd is given")
	blobs := flags.String("blobs", "", "`folder` of the blobs; in memory if empty")
	_ = flags.Parse(os.Args[1:])

	if err := serveRegistry(*fd, *address, *blobs); err != nil {
		fmt.Fprintf(os.Stderr, "registry: %v\n", err)
		return 1
	}
	return 0
}

func serveRegistry(fd int, address, blobs string) error {
	listener, err := listen(fd, address)
	if err != nil {
		return err
	}
	options := []registry.Option{registry.Logger(log.New(os.Stderr, "", log.LstdFlags))}
	if blobs != "" {
		options = append(options, registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)))
	}
	log.Printf("registry on %s", listener.Addr())
	server := &http.Server{Handler: registry.New(options...), ReadHeaderTimeout: 10 * time.Second}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func listen(fd int, address string) (net.Listener, error) {
	if fd == 0 {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		return listener, nil
	}
	listener, err := net.FileListener(os.NewFile(uintptr(fd), "listener "+strconv.Itoa(fd)))
	if err != nil {
		return nil, fmt.Errorf("listen on file descriptor %d: %w", fd, err)
	}
	return listener, nil
}
