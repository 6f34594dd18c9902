package plan

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Key makes digests that cannot be guessed by whoever lacks it. Plans hold
// digests of values and configuration; a plain hash of a short secret could be
// found by trying, a keyed one cannot.
type Key []byte

// NewKey derives a key from secret material that both the planning and the
// applying machine can read.
func NewKey(material []byte) (Key, error) {
	key, err := hkdf.Key(sha256.New, material, nil, "soctalk plan digests v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key for plan digests: %w", err)
	}
	return key, nil
}

// Sealing returns the key under which a plan file keeps what must stay secret.
func (k Key) Sealing() []byte {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte("soctalk plan file v1"))
	return mac.Sum(nil)
}

// Bytes returns the keyed digest of data in the given domain, so that equal
// data in two domains have different digests.
func (k Key) Bytes(domain string, data ...[]byte) string {
	mac := hmac.New(sha256.New, k)
	var n [8]byte
	for _, d := range append([][]byte{[]byte(domain)}, data...) {
		binary.BigEndian.PutUint64(n[:], uint64(len(d)))
		mac.Write(n[:])
		mac.Write(d)
	}
	return "sha256:" + hex.EncodeToString(mac.Sum(nil))
}

// Values returns the keyed digest of a release's values.
func (k Key) Values(values map[string]any) (string, error) {
	data, err := json.Marshal(values) // map keys are sorted
	if err != nil {
		return "", fmt.Errorf("encode values: %w", err)
	}
	return k.Bytes("values", data), nil
}

// Config returns the keyed digest of everything a configuration was made of.
func (k Key) Config(inputs map[string][]byte) string {
	var parts [][]byte
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		parts = append(parts, []byte(name), inputs[name])
	}
	return k.Bytes("config", parts...)
}

// Base returns the keyed digest of a stored revision.
func (k Key) Base(live *Live) Base {
	if !live.Deployed() {
		return Base{}
	}
	return Base{Revision: live.Revision, Digest: k.Bytes("revision", []byte(live.Digest))}
}
