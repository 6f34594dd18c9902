// Command plandocs writes the JSON Schema of the plan document from its Go
// types. Its arguments are the file of the types and the file to write.
package main

import (
	"log"
	"os"
)

//go:generate go run . ../../plan/document.go ../../docs/schema/plan.schema.json

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: plandocs TYPES SCHEMA")
	}
	data, err := planSchema(os.Args[1], "Document")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[2], data, 0o644); err != nil {
		log.Fatal(err)
	}
}
