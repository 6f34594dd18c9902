// Command soctalk plans and applies versions of a fleet of Helm releases.
package main

import (
	"os"

	"github.com/soctalk/fleet/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
