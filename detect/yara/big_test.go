package yara

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// sparse is a large content of zeros with something at its end.
type sparse struct {
	size int64
	tail string
}

func (s sparse) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	for i := range b {
		if k := off + int64(i) - (s.size - int64(len(s.tail))); k >= 0 && k < int64(len(s.tail)) {
			b[i] = s.tail[k]
		}
	}
	return len(b), nil
}

// TestLargeContent scans a content larger than memory should be used for: a
// quarter of a GiB, or YARA_BIG bytes.
func TestLargeContent(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	size := int64(256 << 20)
	if n, err := strconv.ParseInt(os.Getenv("YARA_BIG"), 10, 64); err == nil {
		size = n
	}
	r, errs := Compile([]Source{{"b", []byte(`import "hash" rule r { strings: $a = "the end of it all" $b = { 74 68 65 20 65 6E 64 [-] 61 6C 6C }
		condition: all of them and @a > 1000 and uint8(0) == 0 and hash.crc32(0, 16) > 0 }`)}}, Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found := 0
	if err := r.Scan(context.Background(), sparse{size, "the end of it all"}, size, nil, func(Match) { found++ }); err != nil || found != 1 {
		t.Errorf("%d found, %v", found, err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 {
		t.Errorf("%d MiB used", used>>20)
	}
}
