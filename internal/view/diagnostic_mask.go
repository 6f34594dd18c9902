package view

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// mask takes secrets out of text.
type mask struct {
	secrets []string
	files   map[string]*covered
}

func newMask(secrets []string) mask { return mask{secrets, map[string]*covered{}} }

// source is a file without words that may be secrets.
func (m mask) source(f *hcl.File, name string) *covered {
	if m.files[name] == nil {
		m.files[name] = cover(f, name)
	}
	return m.files[name]
}

func (m mask) text(s string) string {
	for _, secret := range m.secrets {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, "(sensitive)")
		}
	}
	return s
}

// same keeps the length, so that offsets into the text hold.
func (m mask) same(s string) string {
	for _, secret := range m.secrets {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, strings.Repeat("*", len(secret)))
		}
	}
	return s
}
