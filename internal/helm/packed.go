package helm

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// Packed is a long text, compressed in memory: of a thousand releases, the
// manifests would be most of what a plan has to keep.
type Packed struct{ data []byte }

// Pack compresses a text.
func Pack(text string) Packed { return Packed{bytes.Clone(s2.Encode(nil, []byte(text)))} }

// String is the text.
func (p Packed) String() string {
	text, err := s2.Decode(nil, p.data)
	if err != nil {
		panic("helm: what was packed is damaged: " + err.Error()) // it was packed or checked here
	}
	return string(text)
}

// MarshalJSON writes the compressed text.
func (p Packed) MarshalJSON() ([]byte, error) { return json.Marshal(p.data) }

// UnmarshalJSON reads what [Packed.MarshalJSON] wrote.
func (p *Packed) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &p.data); err != nil {
		return err
	}
	if _, err := s2.Decode(nil, p.data); err != nil {
		return fmt.Errorf("unpack a text: %w", err)
	}
	return nil
}
