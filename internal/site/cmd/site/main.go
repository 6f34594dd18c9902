// Command site writes the documentation as a site.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/soctalk/fleet/internal/site"
)

func main() {
	out := flag.String("out", "build/site", "`folder` to write to")
	flag.Parse()
	if err := site.Build(".", *out); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
	fmt.Println(*out + "/index.html")
}
