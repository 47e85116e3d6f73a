package yara

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestScansEndWithTheirContext: whatever a rule asks and a content holds, a scan
// ends soon after its context does, and says so: each of these would go on for minutes
// and more, and a busy machine adds to the moment that is allowed.
func TestScansEndWithTheirContext(t *testing.T) {
	dense := bytes.Repeat([]byte("ab"), 4<<20)
	letters := bytes.Repeat([]byte("a"), 4<<20)
	var many strings.Builder
	for i := range 500 {
		fmt.Fprintf(&many, "$s%d = \"ab%03d\" ", i, i)
	}
	f := func(name, strs, condition string, text []byte) {
		t.Helper()
		if strs != "" {
			strs = "strings: " + strs
		}
		r, errs := Compile([]Source{{"t", []byte(`import "math" import "hash" rule r { ` + strs + ` condition: ` + condition + ` }`)}},
			Options{Externals: map[string]any{"x": ""}})
		if len(errs) > 0 {
			t.Fatal(name, errs)
		}
		const given = 30 * time.Millisecond
		ctx, cancel := context.WithTimeout(context.Background(), given)
		defer cancel()
		start := time.Now()
		err := r.Scan(ctx, bytes.NewReader(text), int64(len(text)), map[string]any{"x": strings.Repeat("a", 1<<20)}, func(Match) { t.Error(name, "holds") })
		if took := time.Since(start); took > given+3*time.Second*slowly || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
	f("nested loops", "", "for all i in (0..1<<31) : (for all j in (0..100) : (for all k in (0..100) : (i + j + k >= 0)))", dense)
	f("an endless loop", "", "for none i in (0..9223372036854775807) : (i < 0)", dense)
	f("hashes of everything", "", `for all i in (0..1<<31) : (hash.md5(i, filesize) != "")`, dense)
	f("sums of everything", "", "for all i in (0..1<<31) : (math.count(97, i, filesize) >= 0 and math.serial_correlation(i, filesize) < 2.0)", dense)
	f("sets in sets", many.String(), "for all of them : (# >= 0 and for all of them : (# >= 0 and for all of them : (# >= 0)))", dense)
	f("matches by matches", `$a = "ab"`, "for all i in (1..#a) : (for all j in (1..#a) : (@a[i] + 100000000 > @a[j]))", dense)
	f("a dense expression", `$a = /ab[^c]{1,3000}d{1,3000}c/`, "not $a", dense)
	f("an expression without atoms", `$a = /[a-z]{1000}[^a]/`, "not $a", letters)
	f("a long expression of a condition", "", "not x matches /a{1,2000}b/", dense)
	f("dense fragments", `$a = { 61 62 [-] 61 62 [300-] 61 62 [400-] 61 62 } $b = "ab" xor`, "for all i in (0..1<<31) : ($a or $b)", dense)
}

// TestKeptMatches: what a condition asks for decides what is kept, and what the
// limits cut is told.
func TestKeptMatches(t *testing.T) {
	text := strings.Repeat("ab cd ef ", 150)
	f := func(condition, want string) {
		t.Helper()
		r, errs := Compile([]Source{{"t", []byte(`rule r { strings: $a = "ab" $b = "cd" $c = { 65 66 [300-] 61 62 } $d = "ef" condition: ` + condition + ` or 3 of them }`)}},
			Options{MaxMatches: 100, Listed: 10})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		got := ""
		err := r.Scan(context.Background(), strings.NewReader(text), int64(len(text)), nil, func(m Match) { got = fmt.Sprint(len(m.Strings)) })
		if got = fmt.Sprint(got, " ", err); got != want {
			t.Errorf("%s: got %s, want %s", condition, got, want)
		}
	}
	// The fragments of $c need all their matches.
	f("$a and $b", `40 yara: limit: matches of a string: at string "$c" of rule "r" there are more than 100`)
	f("#a == 100 and #b == 100", `40 yara: limit: matches of all strings: at string "$b" of rule "r" there are more than 400`)
}
