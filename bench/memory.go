package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
)

// bound is the memory that no input may need.
const bound = 256 << 20

func (b *bench) memory(ctx context.Context) error {
	for _, s := range shapes(b.seed) {
		dir, err := b.folder("shape")
		if err != nil {
			return err
		}
		if err := s.write(dir, b.size); err != nil {
			return err
		}
		in := input{name: s.name, unit: "-"}
		err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				in.bytes += info.Size()
			}
			return err
		})
		if err != nil {
			return err
		}
		b.bounded(ctx, in, dir)
	}
	in, file, err := b.eventLog(b.size, full, every)
	if err != nil {
		fmt.Fprintln(b.out, "not measured:", err)
		return nil
	}
	b.bounded(ctx, in, file)
	return nil
}

// bounded runs postern once over a target and holds its memory against the bound.
func (b *bench) bounded(ctx context.Context, in input, target string) {
	results := measure(ctx, 1, []contender{{name: "postern, pack alone", args: []string{b.postern, "check", target, "--json"}, codes: posternCodes, judge: func(string) string { return "" }}})
	b.print(in, results)
	if results[0].rss > bound {
		b.fail("%s: %d MiB at the peak, more than %d", in.name, results[0].rss>>20, bound>>20)
	}
}
