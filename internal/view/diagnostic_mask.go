package view

import "strings"

// mask takes secrets out of text.
type mask struct{ secrets []string }

func newMask(secrets []string) mask { return mask{secrets} }

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
