package yara

import (
	"bytes"
	"context"
	"testing"
	"time"
)

var seeds = []string{
	`rule r { strings: $a = "abc" nocase wide $b = { 61 ?? [2-4] (62|63 64) } $c = /a+b[^c]{2,5}\bd/i condition: any of them and filesize > 3 }`,
	`import "pe" import "math" rule r { condition: pe.number_of_sections > 1 and math.entropy(0, filesize) > 1.0 and for any s in pe.sections : (s.name == ".text") }`,
	`rule r { strings: $a = "abc" xor(1-3) $b = "hello" base64 $c = { 61 [-] 62 } condition: #a > 1 or $b at 3 or for all i in (1..#c) : (@c[i] < 10) }`,
	`private global rule g : x y { meta: a = 1 condition: uint16(0) == 0x5a4d or not defined entrypoint }`,
}

// FuzzCompile: no text may panic or hang the compiler.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, errs := Compile([]Source{{"f", []byte(text)}}, Options{Externals: map[string]any{"x": "y"}})
		if r == nil || len(errs) > 0 && len(r.All()) > 0 {
			t.Errorf("%v %v", r, errs)
		}
	})
}

// FuzzScan: no rule may panic or hang on any content, nor match outside of it.
func FuzzScan(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, []byte("abcABC hello a12b\x00c MZ aGVsbG8="))
	}
	f.Fuzz(func(t *testing.T, text string, content []byte) {
		if len(text) > 2000 || len(content) > 1<<16 {
			return
		}
		r, errs := Compile([]Source{{"f", []byte(text)}}, Options{MaxMatches: 1000})
		if len(errs) > 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = r.Scan(ctx, bytes.NewReader(content), int64(len(content)), nil, func(m Match) {
			for _, s := range m.Strings {
				if s.Offset < 0 || s.Offset+int64(s.Length) > int64(len(content)) {
					t.Errorf("%s: match %v outside of the content", text, s)
				}
			}
		})
	})
}
