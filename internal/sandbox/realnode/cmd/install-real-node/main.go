// Command install-real-node installs the Debian packages that the sandbox's
// real node is made of.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/soctalk/fleet/internal/sandbox/realnode"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if realnode.Available() == nil {
		return // all is there: a registry that does not answer is no matter then
	}
	if err := realnode.Install(ctx, os.Stderr); err != nil {
		log.Fatal(err)
	}
	if err := realnode.Available(); err != nil {
		log.Fatal(err)
	}
}
