package yara

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
)

func TestDbg(t *testing.T) {
	rule, _ := os.ReadFile("/tmp/o/dbg.yar")
	data, _ := os.ReadFile("/tmp/o/dbg.bin")
	r, errs := Compile([]Source{{"x", rule}}, Options{})
	fmt.Println(errs, r.Warnings())
	for _, p := range r.patterns {
		fmt.Printf("pat slot %d everywhere %v atoms", p.slot, p.Everywhere())
		for _, a := range p.Atoms {
			fmt.Printf(" %q back %d score %.1f;", a.Keys, a.Back, a.Score)
		}
		fmt.Println()
	}
	s := r.pool.Get().(*scan)
	s.begin(context.Background(), bytes.NewReader(data), int64(len(data)), nil)
	s.search()
	s.link()
	for i, str := range r.strings {
		fmt.Println(str.name, s.matchesOf(i))
	}
	for _, x := range r.rules {
		fmt.Println(x.Name, x.always, x.needs)
	}
	err := r.Scan(context.Background(), bytes.NewReader(data), int64(len(data)), nil, func(m Match) { fmt.Println(m.Rule.Name, m.Strings) })
	fmt.Println(err)
}
