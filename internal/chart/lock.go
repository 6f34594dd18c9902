package chart

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/soctalk/fleet/internal/atomicfile"
	"github.com/soctalk/fleet/schema"
)

// LockFile is the name of the lock file.
const LockFile = ".soctalk.lock.hcl"

const lockHeader = `# Made by "soctalk init": the digests of the charts that this fleet uses.
# Keep it under version control.
`

// Lock holds the digests that charts had when they were locked. Local folders
// and archives are not locked: what is on the disk is what is meant. A nil
// Lock is empty.
type Lock struct {
	entries map[lockKey]string
}

type lockKey struct{ ref, name, version string }

var lockSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "chart", LabelNames: []string{"ref", "version"}}}}

var lockEntrySchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "digest", Required: true}, {Name: "name"}}}

// ReadLock reads a lock file; a missing one is an empty lock.
func ReadLock(path string) (*Lock, hcl.Diagnostics) {
	lock := &Lock{}
	src, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return lock, nil
	}
	if err != nil {
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Lock file cannot be read", Detail: err.Error()}}
	}
	file, diags := hclparse.NewParser().ParseHCL(src, path)
	if diags.HasErrors() {
		return nil, diags
	}
	body, more := file.Body.Content(lockSchema)
	diags = append(diags, more...)
	if body != nil {
		for _, b := range body.Blocks {
			diags = append(diags, lock.read(b)...)
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return lock, diags
}

func (l *Lock) read(b *hcl.Block) hcl.Diagnostics {
	content, diags := b.Body.Content(lockEntrySchema)
	key := lockKey{ref: b.Labels[0], version: b.Labels[1]}
	text := func(name string) string {
		attr := content.Attributes[name]
		if attr == nil {
			return ""
		}
		v, more := attr.Expr.Value(nil)
		diags = append(diags, more...)
		if more.HasErrors() {
			return ""
		}
		if v.Type() != cty.String || v.IsNull() {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Lock file is damaged", Detail: name + " must be a string.", Subject: attr.Expr.Range().Ptr()})
			return ""
		}
		return v.AsString()
	}
	key.name = text("name")
	digest := text("digest")
	if diags.HasErrors() {
		return diags
	}
	if (cache{}).path(digest) == "" {
		return append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Lock file is damaged",
			Detail:  "A digest is sha256: and 64 hexadecimal digits. Restore the file from version control, or run soctalk init -upgrade to make it anew.",
			Subject: content.Attributes["digest"].Expr.Range().Ptr(),
		})
	}
	if _, twice := l.entries[key]; twice {
		return append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Chart is locked twice",
			Detail:  fmt.Sprintf("There is another block for %s %s. Remove one of them, or run soctalk init -upgrade to make the file anew.", b.Labels[0], b.Labels[1]),
			Subject: b.DefRange.Ptr(),
		})
	}
	l.set(key, digest)
	return diags
}

func (l *Lock) set(key lockKey, digest string) {
	if l.entries == nil {
		l.entries = map[lockKey]string{}
	}
	l.entries[key] = digest
}

// Digest returns the locked digest of a chart version, or "".
func (l *Lock) Digest(ref schema.Chart, version string) string {
	if l == nil {
		return ""
	}
	return l.entries[lockKey{ref: ref.Ref, name: ref.Name, version: version}]
}

// Set locks a chart version; local charts are left out.
func (l *Lock) Set(ref schema.Chart, version, digest string) {
	if !IsLocal(ref) {
		l.set(lockKey{ref: ref.Ref, name: ref.Name, version: version}, digest)
	}
}

// Len is the number of locked chart versions.
func (l *Lock) Len() int {
	if l == nil {
		return 0
	}
	return len(l.entries)
}

// Bytes are the lock file's content: the same for the same digests.
func (l *Lock) Bytes() []byte {
	var keys []lockKey
	if l != nil {
		for k := range l.entries {
			keys = append(keys, k)
		}
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		if c := strings.Compare(a.ref, b.ref); c != 0 {
			return c < 0
		}
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c < 0
		}
		return versionLess(a.version, b.version)
	})
	file := hclwrite.NewEmptyFile()
	for _, k := range keys {
		file.Body().AppendNewline()
		body := file.Body().AppendNewBlock("chart", []string{k.ref, k.version}).Body()
		if k.name != "" {
			body.SetAttributeValue("name", cty.StringVal(k.name))
		}
		body.SetAttributeValue("digest", cty.StringVal(l.entries[k]))
	}
	return append([]byte(lockHeader), hclwrite.Format(file.Bytes())...)
}

// Write replaces the file at path, in one step.
func (l *Lock) Write(path string) error {
	if err := atomicfile.Write(path, l.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the lock file: %w", err)
	}
	return nil
}
