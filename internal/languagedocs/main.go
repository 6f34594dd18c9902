// Command languagedocs writes what is made from the language's table: the
// language page and the JSON Schema. Its argument is the docs folder.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/soctalk/fleet/schema"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: languagedocs DOCS")
	}
	write(filepath.Join(os.Args[1], "language.md"), []byte(schema.Page()))
	write(filepath.Join(os.Args[1], "schema", "fleet.schema.json"), schema.JSONSchema())
}

func write(path string, data []byte) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		log.Fatal(err)
	}
}
