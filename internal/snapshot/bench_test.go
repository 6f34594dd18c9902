//go:build linux

package snapshot

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/soctalk/fleet/internal/sandbox/objectstoretest"
)

// BenchmarkDump dumps a database of 64 MiB and one of 1 GiB that do not compress
// into a folder and into a bucket of a real S3 server, reads them back, and tells
// the most memory that this process took for it: it is the same for both sizes.
// It needs about 4 GB of disk for a while.
func BenchmarkDump(b *testing.B) {
	for name, value := range objectstoretest.Environment {
		b.Setenv(name, value)
	}
	server, err := objectstoretest.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Stop()
	for _, mib := range []int{64, 1024} {
		d := newDumps(b)
		d.fill(b, mib)
		bucket, _ := server.Bucket(b, fmt.Sprintf("dump-%d", mib))
		for to, store := range map[string]string{"folder": "file://" + b.TempDir(), "s3": bucket} {
			b.Run(fmt.Sprintf("%dMiB/%s", mib, to), func(b *testing.B) {
				for b.Loop() {
					d.record.ID = newID()
					m := watchMemory(b)
					if err := d.take(b, store); err != nil {
						b.Fatal(err)
					}
					if err := d.driver.Verify(b.Context(), d.record); err != nil {
						b.Fatal(err)
					}
					heap, rss := m.end(b)
					b.ReportMetric(float64(d.record.Size), "dump-bytes")
					b.ReportMetric(heap, "peak-heap-MiB")
					b.ReportMetric(rss, "peak-RSS-MiB")
					if err := d.driver.Delete(b.Context(), d.record); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(d.record.Size)
			})
		}
		d.run(b, "DROP TABLE big")
	}
}

// fill makes a table of random bytes, which compression does not make smaller.
func (d *dumps) fill(b *testing.B, mib int) {
	b.Helper()
	d.run(b, "CREATE TABLE big (data bytea)")
	const row = 1 << 20
	in, out := io.Pipe()
	go func() {
		var head bytes.Buffer
		head.WriteString("PGCOPY\n\xff\r\n\x00")
		head.Write(make([]byte, 8)) // no flags, no extension
		_, err := out.Write(head.Bytes())
		line := make([]byte, 6+row)
		binary.BigEndian.PutUint16(line, 1) // one column
		binary.BigEndian.PutUint32(line[2:], row)
		for i := 0; i < mib && err == nil; i++ {
			_, _ = rand.Read(line[6:])
			_, err = out.Write(line)
		}
		if err == nil {
			_, err = out.Write([]byte{0xff, 0xff})
		}
		_ = out.CloseWithError(err)
	}()
	if _, err := d.sql.CopyFrom(b.Context(), in, "COPY big FROM STDIN (FORMAT binary)"); err != nil {
		b.Fatal(err)
	}
}

// memory watches how much of it this process takes.
type memory struct {
	stop chan struct{}
	heap chan float64
}

func watchMemory(b *testing.B) *memory {
	b.Helper()
	runtime.GC()
	// The high-water mark begins anew.
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
	m := &memory{make(chan struct{}), make(chan float64)}
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		most := uint64(0)
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-m.stop:
				m.heap <- float64(most) / (1 << 20)
				return
			case <-tick.C:
			}
		}
	}()
	return m
}

// end returns the most that there was of heap and of resident memory, in MiB.
func (m *memory) end(b *testing.B) (heap, rss float64) {
	b.Helper()
	close(m.stop)
	heap = <-m.heap
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			if err != nil {
				b.Fatal(err)
			}
			rss = kib / 1024
		}
	}
	return heap, rss
}
