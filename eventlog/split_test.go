package eventlog

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestSplit holds split against cutting one column after the other.
func TestSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 20_000 {
		text := make([]byte, r.IntN(40))
		for i := range text {
			text[i] = []byte{' ', ' ', '-', 'a', '!', 0xa0, 0x1f, 0}[r.IntN(8)]
		}
		got := make([][]byte, 1+r.IntN(8))
		for i := range got {
			got[i] = []byte("of the row before")
		}
		n, surplus := split(got, text, ' ')
		want := bytes.SplitN(text, []byte(" "), len(got)+1)
		if left := len(want) > len(got) && len(want[len(got)]) > 0; n != min(len(want), len(got)) || surplus != left {
			t.Fatalf("%q into %d: %d values, surplus %v", text, len(got), n, surplus)
		}
		for i := range got {
			w := []byte(nil)
			if i < len(want) {
				w = value(want[i])
			}
			if !bytes.Equal(got[i], w) || (got[i] == nil) != (w == nil) {
				t.Fatalf("%q: value %d is %q, want %q", text, i, got[i], w)
			}
		}
	}
}
