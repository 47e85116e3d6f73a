package postern_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/detect"
	"postern/eventlog"
	"postern/evidence"
	"postern/ioc"
	"postern/pack"
)

// inMemory is a log that costs nothing to have.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// ownOf is what an operator brings: SigmaHQ's rules for web logs, and a list of
// 5,000 indicators.
func ownOf(b *testing.B, withSigma, withList bool) (own detect.Own) {
	b.Helper()
	if withSigma {
		err := filepath.WalkDir(filepath.Join("..", "shared", "corpora", "sigma", "rules", "web"), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(name)
			own.Sigma = append(own.Sigma, pack.TextFile{File: name, Text: text})
			return err
		})
		if err != nil {
			b.Skip("no corpora: ", err)
		}
	}
	if withList {
		list, err := ioc.Read("list", strings.NewReader(strings.Join(listed(5000), "\n")), ioc.Options{})
		if err != nil || len(list.Refused) > 0 {
			b.Fatal(err, list)
		}
		own.Lists = []*ioc.List{list}
	}
	return own
}

// BenchmarkTraffic reads made traffic with the shipped pack, with the rules and
// the list of an operator beside it, and the worst that traffic can be. Look at
// lines/cpu-s: other programs slow it down less.
func BenchmarkTraffic(b *testing.B) {
	f := func(name, kind string, withSigma, withList bool, size int64) {
		b.Run(name, func(b *testing.B) {
			p, _, err := compiled()
			if err != nil {
				b.Fatal(err)
			}
			engine, _, err := detect.Compile([]*pack.Pack{p}, detect.Options{Now: clock, Own: ownOf(b, withSigma, withList)})
			if err != nil {
				b.Fatal(err)
			}
			var text bytes.Buffer
			writeTraffic(&text, kind, size)
			want := engine.Interest()
			in := eventlog.Input{Name: "u_ex260117.log", Zone: time.UTC, Formats: want.Logs, Collector: "logs"}
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				in.File = inMemory{bytes.NewReader(text.Bytes())}
				if err := eventlog.Read(context.Background(), in, engine.Begin(&evidence.Source{})); err != nil {
					b.Fatal(err)
				}
			}
			if used := cpuTime() - before; used > 0 {
				b.ReportMetric(float64(b.N*bytes.Count(text.Bytes(), []byte("\n")))/used.Seconds(), "lines/cpu-s")
			}
		})
	}
	const size = 8 << 20
	f("rules=pack", "ordinary", false, false, size)
	f("rules=pack+sigma", "ordinary", true, false, size)
	for _, kind := range []string{"ordinary", "encoded", "listed", "same"} {
		f("rules=all/lines="+kind, kind, true, true, size)
	}
	for _, times := range []int64{2, 4} { // the same speed, or something is not linear
		f(fmt.Sprintf("rules=all/lines=listed/size=x%d", times), "listed", true, true, times*size)
	}
}
