// Package planfile keeps a plan on disk between planning and applying. What is
// needed to load the same configuration again (variables and their values) is
// sealed with a key that only somebody who can read the live system has.
package planfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/soctalk/fleet/internal/atomicfile"
	"github.com/soctalk/fleet/plan"
)

// maxBytes bounds what is read: a plan of 10,000 tenants has about 20 MiB.
const maxBytes = 512 << 20

// Where says which live release the key is made from, and how to get there.
type Where struct {
	// Kubeconfig is relative to the configuration's folder when it is inside.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`
	Namespace  string `json:"namespace"`
	Release    string `json:"release"`
}

// Inputs are what the configuration was loaded with, beside its own files.
type Inputs struct {
	Vars     []string `json:"vars"`
	VarFiles []string `json:"var_files"`
	Order    string   `json:"order"`
	// Env holds the SOCTALK_VAR_ variables.
	Env []string `json:"env"`
}

// File is a plan file as read: the document can be shown, the inputs need the
// key.
type File struct {
	Document *plan.Document
	Where    Where

	sealed []byte
}

type onDisk struct {
	*plan.Document
	Where  Where  `json:"where"`
	Sealed []byte `json:"sealed"`
}

// ErrKey says that the inputs cannot be unsealed.
var ErrKey = errors.New("this plan does not belong to what is live: it was made for another cluster, the system release has changed since, or the file was edited")

// Write puts a plan into a file that only its owner can read, in one step.
func Write(path string, doc *plan.Document, where Where, inputs Inputs, key plan.Key) error {
	data, err := Encode(doc, where, inputs, key)
	if err != nil {
		return fmt.Errorf("write plan %s: %w", path, err)
	}
	if err := atomicfile.Write(path, data, 0o600); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// Encode returns what a plan file holds.
func Encode(doc *plan.Document, where Where, inputs Inputs, key plan.Key) ([]byte, error) {
	plain, err := json.Marshal(inputs)
	if err != nil {
		return nil, fmt.Errorf("encode the inputs: %w", err)
	}
	sealed, err := seal(key, plain, doc)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(onDisk{doc, where, sealed})
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return append(data, '\n'), nil
}

// missingError says that there is no file of that name.
type missingError string

func (e missingError) Error() string { return "there is no file " + string(e) }
func (e missingError) Unwrap() error { return fs.ErrNotExist }

// Read reads a plan file and refuses what this version cannot understand.
func Read(path string) (*File, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingError(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxBytes {
		return nil, fmt.Errorf("read plan %s: it is no plan file", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	file, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("read plan %s: %w", path, err)
	}
	return file, nil
}

// Decode takes a plan file's content and refuses what this version cannot
// understand.
func Decode(data []byte) (*File, error) {
	d := onDisk{Document: &plan.Document{}}
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("it is no plan file, or not all of it: %w", err)
	}
	major, _, _ := strings.Cut(d.FormatVersion, ".")
	want, _, _ := strings.Cut(plan.FormatVersion, ".")
	switch {
	case d.FormatVersion == "":
		return nil, errors.New("it is no plan file: format_version is missing")
	case major != want:
		return nil, fmt.Errorf("it has format %s, this version reads %s.x", d.FormatVersion, want)
	}
	return &File{Document: d.Document, Where: d.Where, sealed: d.Sealed}, nil
}

// Sealed is false of a file that holds the document alone, which can be shown
// and not carried out.
func (f *File) Sealed() bool { return len(f.sealed) > 0 }

// Open returns what the configuration was loaded with. It fails with [ErrKey]
// when the key or the document is another one than at [Write].
func (f *File) Open(key plan.Key) (Inputs, error) {
	gcm, aad, err := cipherFor(key, f.Document)
	if err != nil {
		return Inputs{}, err
	}
	if len(f.sealed) < gcm.NonceSize() {
		return Inputs{}, ErrKey
	}
	plain, err := gcm.Open(nil, f.sealed[:gcm.NonceSize()], f.sealed[gcm.NonceSize():], aad)
	if err != nil {
		return Inputs{}, ErrKey
	}
	var inputs Inputs
	if err := json.Unmarshal(plain, &inputs); err != nil {
		return Inputs{}, fmt.Errorf("read the inputs of plan %s: %w", f.Document.PlanID, err)
	}
	return inputs, nil
}

func seal(key plan.Key, plain []byte, doc *plan.Document) ([]byte, error) {
	gcm, aad, err := cipherFor(key, doc)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return gcm.Seal(nonce, nonce, plain, aad), nil
}

// cipherFor binds the sealed part to the document, so that neither can be
// changed or exchanged.
func cipherFor(key plan.Key, doc *plan.Document) (cipher.AEAD, []byte, error) {
	aad, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, fmt.Errorf("encode plan: %w", err)
	}
	block, err := aes.NewCipher(key.Sealing())
	if err != nil {
		return nil, nil, fmt.Errorf("seal plan: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	return gcm, aad, err
}
