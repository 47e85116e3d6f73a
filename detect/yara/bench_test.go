//go:build unix

package yara

import (
	"bytes"
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func BenchmarkCompileSignatureBase(b *testing.B) {
	sources := corpus(b)
	for b.Loop() {
		Compile(sources, Options{Externals: corpusExternals})
	}
}

// mixed is a buffer of real files of many kinds.
func mixed(tb testing.TB, size int) []byte {
	tb.Helper()
	var buf []byte
	for _, f := range tree(150, 4<<20, "/usr/bin", "/usr/lib", goRoot()+"/src", "../../../shared/corpora/evtx", "../../../shared/corpora/access") {
		text, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		buf = append(buf, text...)
		if len(buf) >= size {
			return buf[:size]
		}
	}
	if len(buf) == 0 {
		tb.Skip("no files here")
	}
	return buf
}

func BenchmarkScanMixed(b *testing.B) {
	r, _ := Compile(corpus(b), Options{Externals: corpusExternals})
	buf := mixed(b, 24<<20)
	b.SetBytes(int64(len(buf)))
	before := cpu()
	for b.Loop() {
		if err := r.Scan(context.Background(), bytes.NewReader(buf), int64(len(buf)), nil, func(Match) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(buf))*float64(b.N)/1e6/(cpu()-before).Seconds(), "MB/cpu-s")
}

// cpu is the time all processors have worked for this process; the machine may
// be busy with others.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkScanFiles takes a list of files from YARA_FILES, to compare with
// "yara --scan-list".
func BenchmarkScanFiles(b *testing.B) {
	text, err := os.ReadFile(os.Getenv("YARA_FILES"))
	if err != nil {
		b.Skip("no list of files in YARA_FILES")
	}
	files := strings.Split(strings.TrimSpace(string(text)), "\n")
	r, _ := Compile(corpus(b), Options{Externals: corpusExternals})
	total := int64(0)
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			total += st.Size()
		}
	}
	b.SetBytes(total)
	before := cpu()
	for b.Loop() {
		for _, f := range files {
			_ = scanFile(r, f, func(Match) {})
		}
	}
	b.ReportMetric(float64(total)*float64(b.N)/1e6/(cpu()-before).Seconds(), "MB/cpu-s")
}
