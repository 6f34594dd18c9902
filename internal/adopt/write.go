package adopt

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"go.yaml.in/yaml/v2"
)

// The files.
const (
	// FleetFile is the one without which the others are no configuration.
	FleetFile     = "fleet.hcl"
	VariablesFile = "variables.hcl"
	// SecretsFile is for the secrets; what is written into it is all comments.
	SecretsFile = "secrets.auto.vars.hcl"
	matrixFile  = "compatibility.yaml"
	ignoreFile  = ".gitignore"
)

//go:embed ignore
var ignored []byte

// write makes the files.
func (w *writer) write() {
	w.matrix()
	var b strings.Builder
	w.clusters(&b)
	fmt.Fprintf(&b, "compatibility {\nmatrix = file(%q)\n}\n\n", matrixFile)
	w.systemBlock(&b)
	if len(w.tenants) > 0 {
		w.defaults(&b)
		w.tenantBlocks(&b)
	}
	w.result.Files[FleetFile] = hclwrite.Format([]byte(b.String()))
	w.variables()
	w.secrets()
	w.result.Files[ignoreFile] = ignored
}

func (w *writer) clusters(b *strings.Builder) {
	for _, c := range w.options.Clusters {
		if c.Name == "" {
			continue
		}
		fmt.Fprintf(b, "cluster %s {\n", quote(c.Name))
		if c.Kubeconfig != "" {
			fmt.Fprintf(b, "kubeconfig = %s\n", quote(c.Kubeconfig))
		}
		if c.Context != "" {
			fmt.Fprintf(b, "context = %s\n", quote(c.Context))
		}
		b.WriteString("}\n\n")
	}
	if w.options.PlainHTTP {
		host, _, _ := strings.Cut(strings.TrimPrefix(w.options.Charts, "oci://"), "/")
		fmt.Fprintf(b, "registry %s {\nplain_http = true\n}\n\n", quote(host))
	}
}

// cluster is the attribute that a release needs where there are several.
func (w *writer) cluster(b *strings.Builder, r *Release) {
	if len(w.options.Clusters) > 1 {
		fmt.Fprintf(b, "cluster = cluster.%s\n", r.Cluster)
	}
}

// chart is where a chart comes from.
func (w *writer) chart(b *strings.Builder, name string) {
	if strings.HasPrefix(w.options.Charts, "http") {
		fmt.Fprintf(b, "chart = %s\nchart_name = %s\n", quote(w.options.Charts), quote(name))
		return
	}
	fmt.Fprintf(b, "chart = %s\n", quote(w.options.Charts+"/"+name))
}

func (w *writer) systemBlock(b *strings.Builder) {
	s := w.system
	w.result.Addresses["system"] = s.Release
	b.WriteString("system {\n")
	w.cluster(b, s.Release)
	if s.Name != SystemChart {
		fmt.Fprintf(b, "release = %s\n", quote(s.Name))
	}
	if s.Namespace != SystemChart {
		fmt.Fprintf(b, "namespace = %s\n", quote(s.Namespace))
	}
	w.chart(b, s.Chart)
	b.WriteString("version = var.system_version\n")
	var layers []string
	if len(s.plain) > 0 {
		w.yaml("system-values.yaml", s.plain)
		layers = append(layers, `file("system-values.yaml")`)
	}
	values(b, append(layers, special(s)...))
	if db := w.options.Database; db.Name != "" {
		fmt.Fprintf(b, "\ndatabase {\ndsn_secret {\nname = %s\nkey = %s\n}\n}\n", quote(db.Name), quote(db.Key))
	}
	b.WriteString("}\n\n")
}

// special is the layer of what is written as expressions.
func special(m *member) []string {
	if len(m.special) == 0 {
		return nil
	}
	return []string{literal(m.special)}
}

func values(b *strings.Builder, layers []string) {
	switch len(layers) {
	case 0:
	case 1:
		fmt.Fprintf(b, "values = [%s]\n", layers[0])
	default:
		fmt.Fprintf(b, "values = [\n%s,\n]\n", strings.Join(layers, ",\n"))
	}
}

func (w *writer) defaults(b *strings.Builder) {
	b.WriteString("tenant_defaults {\n")
	w.chart(b, TenantChart)
	b.WriteString("version = var.tenant_version\n}\n\n")
	for _, label := range sortedKeys(w.common) {
		if len(w.common[label]) > 0 {
			w.yaml(commonFile(label), w.common[label])
		}
	}
}

func commonFile(label string) string {
	if label == "" {
		return "tenant-values.yaml"
	}
	return label + "-values.yaml"
}

// layers are the values of a tenant's release: what all share, what is its own,
// what is written as expressions.
func (w *writer) layers(m *member, ownValues string) []string {
	var all []string
	if len(w.common[m.label]) > 0 {
		all = append(all, fmt.Sprintf("file(%q)", commonFile(m.label)))
	}
	if ownValues != "" {
		all = append(all, ownValues)
	}
	return append(all, special(m)...)
}

func (w *writer) yaml(name string, v any) {
	data, err := yaml.Marshal(v)
	if err != nil {
		panic("adopt: values are not encodable: " + err.Error()) // they came as JSON
	}
	w.result.Files[name] = data
}

func (w *writer) variables() {
	var b strings.Builder
	fmt.Fprintf(&b, "variable \"system_version\" {\ntype = string\ndefault = %s\n}\n", quote(w.system.Version))
	if len(w.tenants) > 0 {
		fmt.Fprintf(&b, "\nvariable \"tenant_version\" {\ntype = string\ndefault = %s\n}\n", quote(w.tenantVersion))
	}
	for _, v := range w.vars {
		fmt.Fprintf(&b, "\n# %s\nvariable %s {\ntype = string\nsensitive = true\n}\n", v.about, quote(v.name))
	}
	if len(w.own) > 0 {
		b.WriteString("\n# What each tenant has for itself, by slug; see " + SecretsFile + ".\nvariable \"tenant_secrets\" {\ntype = map(map(string))\nsensitive = true\n}\n")
	}
	w.result.Files[VariablesFile] = hclwrite.Format([]byte(b.String()))
}

// secrets lists what to provide, as comments to fill in.
func (w *writer) secrets() {
	if len(w.result.Secrets) == 0 {
		return
	}
	var b, filled strings.Builder
	b.WriteString("# The secrets of this fleet. Never commit this file: fill it in where soctalk runs, or\n# set SOCTALK_VAR_name in the environment instead. What is live now is told by\n#   helm get values RELEASE -n NAMESPACE\n\n")
	for _, v := range w.vars {
		fmt.Fprintf(&b, "# %s\n# %s = \"\"\n\n", v.about, v.name)
	}
	if len(w.own) > 0 {
		b.WriteString("# tenant_secrets = {\n")
		filled.WriteString("tenant_secrets={")
		for _, slug := range sortedKeys(w.own) {
			fmt.Fprintf(&b, "#   %s = {\n", quote(slug))
			fmt.Fprintf(&filled, "%s={", quote(slug))
			for _, name := range sortedKeys(w.own[slug]) {
				s := w.own[slug][name]
				fmt.Fprintf(&b, "#     %s = \"\" # %s\n", key(name), s.about)
				fmt.Fprintf(&filled, "%s=%s,", key(name), quote(s.hole.given()))
			}
			b.WriteString("#   }\n")
			filled.WriteString("},")
		}
		b.WriteString("# }\n")
		filled.WriteString("}")
		w.result.Variables = append(w.result.Variables, filled.String())
	}
	w.result.Files[SecretsFile] = []byte(b.String())
	w.result.Private[SecretsFile] = true
}

//go:embed compatibility.yaml
var knownMatrix []byte

type matrixRow struct {
	System string       `yaml:"system"`
	Tenant []matrixPair `yaml:"tenant"`
}

type matrixPair struct {
	Version string `yaml:"version"`
	Status  string `yaml:"status"`
	Notes   string `yaml:"notes"`
}

// matrix writes the pairs that are known, and adds those that are live.
func (w *writer) matrix() {
	var rows []matrixRow
	if err := yaml.Unmarshal(knownMatrix, &rows); err != nil {
		panic("adopt: compatibility.yaml: " + err.Error()) // it is part of the program
	}
	i := slices.IndexFunc(rows, func(r matrixRow) bool { return r.System == w.system.Version })
	if i < 0 {
		rows = append(rows, matrixRow{System: w.system.Version})
		i = len(rows) - 1
	}
	var added []string
	for _, t := range w.tenants {
		v := t.main.Version
		if slices.ContainsFunc(rows[i].Tenant, func(p matrixPair) bool { return p.Version == v }) {
			continue
		}
		rows[i].Tenant = append(rows[i].Tenant, matrixPair{v, "supported", "live when this was imported"})
		added = append(added, told(v))
	}
	if len(added) > 0 {
		w.remark("beside system %s run tenants at %s, of which nothing is known: the pair is written into %s as supported, because it is live. Check it.", told(w.system.Version), strings.Join(added, ", "), matrixFile)
	}
	comment, _, _ := bytes.Cut(knownMatrix, []byte("- system"))
	w.yaml(matrixFile, rows)
	w.result.Files[matrixFile] = append(bytes.Clone(comment), w.result.Files[matrixFile]...)
}
