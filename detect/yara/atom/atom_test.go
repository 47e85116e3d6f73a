package atom

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func path(text string) (sets []Set) {
	for _, c := range []byte(text) {
		var s Set
		s[c>>6] |= 1 << (c & 63)
		sets = append(sets, s)
	}
	return sets
}

func TestBestPrefersRareBytes(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		a, ok := Best(path(text))
		if a.Fill(path(text)); !ok || text[a.Back:a.Back+a.Length] != want {
			t.Errorf("%q: %+v", text, a)
		}
	}
	f("\x00\x00\x00\x00xQz~\x00\x00", "xQz~")
	f("http://q7.X", "/q7.")
	f("ab", "ab")
}

// TestScanFindsWhatIsThere compares the index with looking everywhere.
func TestScanFindsWhatIsThere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abAB\x00 "[r.IntN(6)]
		}
		return string(b)
	}
	var b Builder
	var words []string
	for i := range 40 {
		words = append(words, text(1+r.IntN(6)))
		a, ok := Best(path(words[i]))
		if !ok {
			words[i] = ""
			continue
		}
		a.Fill(path(words[i]))
		b.Add(uint32(i), []Atom{a}, 0)
	}
	ix := b.Index()
	for round := range 400 {
		data := text(1 + r.IntN(100))
		if round%2 == 0 { // what repeats is stepped over
			data = strings.Repeat(text(1+r.IntN(5)), 5+r.IntN(20)) + data + strings.Repeat("\x00", 40) + text(5)
		}
		found := map[string]bool{}
		ix.Scan([]byte(data), 0, len(data), func(at int, e *Entry) {
			from := at - int(e.Back)
			if w := words[e.ID]; from >= 0 && from+len(w) <= len(data) && data[from:from+len(w)] == w {
				found[fmt.Sprint(e.ID, from)] = true
			}
		})
		for i, w := range words {
			for at := 0; w != "" && at+len(w) <= len(data); at++ {
				if data[at:at+len(w)] == w && !found[fmt.Sprint(i, at)] {
					t.Fatalf("%q at %d of %q not found", w, at, data)
				}
			}
		}
	}
}
