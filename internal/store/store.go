// Package store is where dumps lie: a folder or a bucket. What goes in and out
// is streamed, and held against its size and checksum.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// folderMode keeps dumps from other users of the machine.
const folderMode = 0o700

// Store is an open folder or bucket.
type Store struct {
	bucket *blob.Bucket
	// url is for messages.
	url string
}

// Object identifies what was stored. Size is in bytes, SHA256 in hex.
type Object struct {
	Name   string
	Size   int64
	SHA256 string
}

// Error says what could not be done with a store. The URL in it holds no
// credentials: a URL that does is refused.
type Error struct {
	What, Store string
	Err         error
}

func (e *Error) Error() string { return fmt.Sprintf("%s store %s: %v", e.What, e.Store, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Open opens the store that a URL names. A folder's path may be relative to
// root. Its errors are an [Error].
func Open(ctx context.Context, address, root string) (*Store, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, &Error{"open", "(not understood)", fmt.Errorf("it is no URL")}
	}
	if u.User != nil {
		return nil, &Error{"open", u.Redacted(), fmt.Errorf("its URL holds credentials: leave them to the environment")}
	}
	s := &Store{url: address}
	switch u.Scheme {
	case "file":
		path := u.Host + u.Path
		if u.Host != "" || !filepath.IsAbs(path) {
			path = filepath.Join(root, path)
		}
		// Beside its place, so that a full disk is noticed where the dump is to lie.
		s.bucket, err = fileblob.OpenBucket(path, &fileblob.Options{CreateDir: true, DirFileMode: folderMode, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	default:
		err = fmt.Errorf("there is no store of kind %s://", u.Scheme)
	}
	if err != nil {
		return nil, &Error{"open", s.url, err}
	}
	return s, nil
}

// Close lets go of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Put stores what write writes, under a name. Nothing is there under the name
// unless all of it is. An error of write is returned as it is, others are an
// [Error].
func (s *Store) Put(ctx context.Context, name string, write func(io.Writer) error) (Object, error) {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	w, err := s.bucket.NewWriter(ctx, name, &blob.WriterOptions{ContentType: "application/octet-stream", DisableContentTypeDetection: true})
	if err != nil {
		return Object{}, &Error{"write to", s.url, err}
	}
	m := &measured{to: w, sum: sha256.New()}
	if err := write(m); err != nil {
		abort()
		_ = w.Close() // after an abort it only tidies up
		if m.err != nil {
			return Object{}, &Error{"write to", s.url, m.err} // which is why the other end failed
		}
		return Object{}, err
	}
	if err := w.Close(); err != nil {
		return Object{}, &Error{"write to", s.url, err}
	}
	return Object{Name: name, Size: m.size, SHA256: hex.EncodeToString(m.sum.Sum(nil))}, nil
}

// measured counts and sums what passes, and remembers where it got stuck.
type measured struct {
	to   io.Writer
	size int64
	sum  hash.Hash
	err  error
}

func (m *measured) Write(p []byte) (int, error) {
	n, err := m.to.Write(p)
	m.size += int64(n)
	m.sum.Write(p[:n])
	if err != nil {
		m.err = err
	}
	return n, err
}

// GoneError says that an object is not in its store any more.
type GoneError struct{ Name, Store string }

func (e *GoneError) Error() string {
	return fmt.Sprintf("%s is no longer in store %s", e.Name, e.Store)
}

// TamperedError says that an object is not what was stored.
type TamperedError struct{ Name, Store, How string }

func (e *TamperedError) Error() string {
	return fmt.Sprintf("%s in store %s is not what was put there: %s", e.Name, e.Store, e.How)
}

// Get passes a stored object to read, and then holds all of it against its size
// and checksum, however much of it read has taken. What read makes of it is to
// be used only once Get returns without an error; an error of read is returned
// when the object is sound. Others are a [GoneError], a [TamperedError] or an
// [Error].
func (s *Store) Get(ctx context.Context, o Object, read func(io.Reader) error) error {
	r, err := s.bucket.NewReader(ctx, o.Name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return &GoneError{o.Name, s.url}
	}
	if err != nil {
		return &Error{"read from", s.url, err}
	}
	defer func() { _ = r.Close() }()
	if r.Size() != o.Size {
		return &TamperedError{o.Name, s.url, fmt.Sprintf("it has %d bytes, and had %d", r.Size(), o.Size)}
	}
	sum := sha256.New()
	whole := io.TeeReader(r, sum)
	failed := read(whole)
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return &Error{"read from", s.url, err}
	}
	if hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(o.SHA256) {
		return &TamperedError{o.Name, s.url, "its checksum is another"}
	}
	return failed
}

// Delete removes an object, if it is there.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.bucket.Delete(ctx, name); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return &Error{"delete from", s.url, err}
	}
	return nil
}
