package apply

import (
	"flag"
	"os"
	"testing"
)

// runs is how many random runs each property looks at, unless -rapid.checks
// says otherwise.
const runs = "3000"

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", runs); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
