package helm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// maxBody bounds a stored body after decompression; a Secret holds 1 MiB of it.
const maxBody = 32 << 20

// workbench is what unpacking needs, kept from one body to the next.
type workbench struct {
	raw  []byte
	from bytes.Reader
	gzip gzip.Reader
	json bytes.Buffer
}

var workbenches = sync.Pool{New: func() any { return new(workbench) }}

// unpack reads a body as Helm stores it: JSON, compressed, in base64. Its error
// says what is wrong with the body and quotes none of it.
func unpack(stored []byte, into any) error {
	w := workbenches.Get().(*workbench)
	defer workbenches.Put(w)
	raw, err := w.inflate(stored)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("its body is not the JSON of a release")
	}
	return nil
}

// inflate returns what is valid until the next call.
func (w *workbench) inflate(stored []byte) ([]byte, error) {
	var err error
	if w.raw, err = base64.StdEncoding.AppendDecode(w.raw[:0], stored); err != nil {
		return nil, fmt.Errorf("its body is not base64")
	}
	// Helm stored bodies uncompressed once.
	if !bytes.HasPrefix(w.raw, []byte{0x1f, 0x8b, 0x08}) {
		return w.raw, nil
	}
	w.from.Reset(w.raw)
	if err := w.gzip.Reset(&w.from); err != nil {
		return nil, fmt.Errorf("its body cannot be decompressed")
	}
	w.json.Reset()
	if _, err := w.json.ReadFrom(io.LimitReader(&w.gzip, maxBody+1)); err != nil {
		return nil, fmt.Errorf("its body cannot be decompressed")
	}
	if w.json.Len() > maxBody {
		return nil, fmt.Errorf("its body is larger than %d MiB", maxBody>>20)
	}
	return w.json.Bytes(), nil
}
