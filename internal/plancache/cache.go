// Package plancache keeps on disk what earlier plans of a fleet found, so that
// a plan costs as much as what changed since. What is in it was derived from
// secrets: it is sealed under a key that only those have who can read the live
// system.
package plancache

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/soctalk/fleet/internal/atomicfile"
)

// format is the first line of a file.
const format = "soctalk plan cache 2\n"

// keep is how many times a cache is written without an entry being of use
// before the entry is dropped.
const keep = 20

// Cache holds values by name, each with the fingerprint of all that it was
// made from. A nil Cache is always empty. It is safe for concurrent use.
type Cache struct {
	path  string
	aead  cipher.AEAD
	build string

	mu      sync.Mutex
	entries map[string]*entry
	changed bool
}

type entry struct {
	Fingerprint string
	// Data is the value as compressed JSON.
	Data []byte
	// Idle counts the writes since the entry was last of use.
	Idle int

	used bool
}

// Open reads the cache at path. One that is not there, is damaged, or was
// written under another key (of 16, 24 or 32 bytes) or by another build of the
// program is empty, and is written anew.
func Open(path string, key []byte, build string) (*Cache, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open the plan cache: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("open the plan cache: %w", err)
	}
	c := &Cache{path: path, aead: aead, build: build, entries: map[string]*entry{}}
	if plain := c.unseal(); plain != nil {
		var entries map[string]*entry
		if err := gob.NewDecoder(bytes.NewReader(plain)).Decode(&entries); err == nil && entries != nil {
			c.entries = entries
		}
	}
	return c, nil
}

// unseal returns the file's contents, or nil.
func (c *Cache) unseal() []byte {
	data, err := os.ReadFile(c.path)
	if err != nil {
		return nil
	}
	sealed, ok := bytes.CutPrefix(data, []byte(format))
	if !ok || len(sealed) < c.aead.NonceSize() {
		return nil
	}
	nonce, sealed := sealed[:c.aead.NonceSize()], sealed[c.aead.NonceSize():]
	plain, err := c.aead.Open(sealed[:0], nonce, sealed, []byte(c.build))
	if err != nil {
		return nil
	}
	return plain
}

// Get decodes the value of that name into a pointer, and says whether there is
// one that was made from the same.
func (c *Cache) Get(name, fingerprint string, into any) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	e := c.entries[name]
	c.mu.Unlock()
	if e == nil || e.Fingerprint != fingerprint {
		return false
	}
	raw, err := s2.Decode(nil, e.Data)
	if err != nil || json.Unmarshal(raw, into) != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.used = true
	return true
}

// Put keeps a value, which JSON must give back as it was. It replaces what has
// the same name.
func (c *Cache) Put(name, fingerprint string, value any) error {
	if c == nil {
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	data := bytes.Clone(s2.Encode(nil, raw))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[name] = &entry{Fingerprint: fingerprint, Data: data, used: true}
	c.changed = true
	return nil
}

// Save writes the cache, if anything was put into it.
func (c *Cache) Save() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.changed {
		return nil
	}
	for name, e := range c.entries {
		e.Idle++
		if e.used {
			e.Idle = 0
		}
		if e.Idle > keep {
			delete(c.entries, name)
		}
	}
	if err := c.write(); err != nil {
		return fmt.Errorf("write the plan cache: %w", err)
	}
	c.changed = false
	return nil
}

func (c *Cache) write() error {
	head := make([]byte, len(format)+c.aead.NonceSize())
	nonce := head[copy(head, format):]
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	// It is sealed where it was encoded: it may be large.
	file := bytes.NewBuffer(head)
	if err := gob.NewEncoder(file).Encode(c.entries); err != nil {
		return err
	}
	plain := file.Bytes()[len(head):]
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(c.path, c.aead.Seal(file.Bytes()[:len(head)], nonce, plain, []byte(c.build)), 0o600)
}
