// Command clidocs writes the page about the command line from the commands.
package main

import (
	"fmt"
	"os"

	"github.com/soctalk/fleet/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: clidocs FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "clidocs:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := cli.WriteReference(f); err != nil {
		return err
	}
	return f.Close()
}
