package realnode

import "embed"

//go:embed testdata/system-values.yaml testdata/tenant-values.yaml
var values embed.FS

// SystemValues returns a values file that makes every version of the example
// chart soctalk-system run on a real node, with the images of package images.
func SystemValues() []byte { return valuesFile("system") }

// TenantValues returns the same for soctalk-tenant.
func TenantValues() []byte { return valuesFile("tenant") }

func valuesFile(chart string) []byte {
	data, err := values.ReadFile("testdata/" + chart + "-values.yaml")
	if err != nil {
		panic(err) // it is compiled in
	}
	return data
}
