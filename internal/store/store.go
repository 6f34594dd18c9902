// Package store is where dumps lie: a folder or a bucket. What goes in and out
// is streamed, and held against its size and checksum.
package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/gcsblob" // gs://
	_ "gocloud.dev/blob/s3blob"  // s3://
	"gocloud.dev/gcerrors"
)

const (
	// folderMode keeps dumps from other users of the machine.
	folderMode = 0o700
	// checkTime bounds the check of a store.
	checkTime = 30 * time.Second

	// leastPart is in bytes. S3 takes objects in at most so many parts.
	leastPart   = 8 << 20
	mostParts   = 10000
	partsAtOnce = 2
)

var errSilent = fmt.Errorf("it did not answer within %s", checkTime)

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
	case "s3", "gs", "azblob":
		s.bucket, err = bucket(ctx, u)
	default:
		err = fmt.Errorf("there is no store of kind %s://", u.Scheme)
	}
	if err != nil {
		return nil, &Error{"open", s.url, err}
	}
	return s, nil
}

// bucket opens a bucket, with the credentials that its provider's own tools
// would use. The path is what every name in it begins with.
func bucket(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	prefix := strings.Trim(u.Path, "/")
	whole := *u
	whole.Path = ""
	b, err := blob.OpenBucket(ctx, whole.String())
	if err != nil || prefix == "" {
		return b, err
	}
	return blob.PrefixedBucket(b, prefix+"/"), nil
}

// Close lets go of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Check makes sure that the store can be written to and read from: with a small
// object that it removes again.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errSilent)
	defer cancel()
	name := "soctalk-check-" + rand.Text()
	o, err := s.Put(ctx, name, 0, func(w io.Writer) error {
		_, err := io.WriteString(w, name)
		return err
	})
	if err == nil {
		err = s.Get(ctx, o, func(io.Reader) error { return nil })
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{"use", s.url, context.Cause(ctx)}
	}
	return errors.Join(err, s.Delete(ctx, name))
}

// Put stores what write writes, under a name; expected is about how many bytes
// that will be, 0 where nobody knows. Nothing is there under the name
// unless all of it is. An error of write is returned as it is, others are an
// [Error].
func (s *Store) Put(ctx context.Context, name string, expected int64, write func(io.Writer) error) (Object, error) {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	w, err := s.bucket.NewWriter(ctx, name, &blob.WriterOptions{
		ContentType: "application/octet-stream", DisableContentTypeDetection: true, BufferSize: partSize(expected), MaxConcurrency: partsAtOnce,
	})
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

// partSize is how much of an object is sent at a time, and held in memory as
// often as parts are sent at once: so that not more parts are needed than S3
// takes, with as much again in hand.
func partSize(expected int64) int { return int(max(leastPart, expected/(mostParts/2))) }

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
	lent := &lent{from: whole}
	failed := read(lent)
	lent.end()
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return &Error{"read from", s.url, err}
	}
	if hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(o.SHA256) {
		return &TamperedError{o.Name, s.url, "its checksum is another"}
	}
	return failed
}

// lent is a reader that nobody reads from any more once it is taken back, though
// who copies to another program may still try to.
type lent struct {
	mu   sync.Mutex
	from io.Reader
}

func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from == nil {
		return 0, io.EOF
	}
	return l.from.Read(p)
}

func (l *lent) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.from = nil
}

// Delete removes an object, if it is there.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.bucket.Delete(ctx, name); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return &Error{"delete from", s.url, err}
	}
	return nil
}
