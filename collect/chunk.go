package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"postern/evidence"
)

// Bounds of one chunk: files of one folder that one worker reads, one after the
// other, and that are kept together.
const (
	chunkFiles = 128
	chunkBytes = 32 << 20
)

// chunk is some files of one folder.
type chunk struct {
	files []wanted
	bytes int64
}

// add puts a file into a chunk, and gives away one that is full.
func (s *scan) add(c *chunk, w wanted, give func(chunk)) {
	if len(c.files) > 0 && (len(c.files) == chunkFiles || c.bytes+w.Size > chunkBytes || c.files[0].Name.Dir() != w.Name.Dir()) {
		give(*c)
		*c = chunk{}
	}
	c.files, c.bytes = append(c.files, w), c.bytes+w.Size
}

// read reads a chunk, or takes over what an earlier run read of the same.
func (s *scan) read(ctx context.Context, c chunk) {
	if len(c.files) == 0 {
		return
	}
	keeper, keeps := s.out.(evidence.Keeper)
	if !keeps {
		s.observeAll(ctx, c, s.out)
		return
	}
	first := c.files[0].Name
	kept, state := keeper.Kept("files of "+first.Dir()+" from "+evidence.Name(first.Base())), c.state()
	if was, whole := kept.State(); whole && bytes.Equal(was, state) && kept.TakeOver() == nil {
		for _, w := range c.files {
			s.spent(w.work())
		}
		return
	}
	if !s.observeAll(ctx, c, kept.Sink()) {
		state = nil
	}
	kept.Keep(state, state != nil)
}

// state tells a chunk from what stands in its place when one of its files changed.
func (c *chunk) state() []byte {
	sum := sha256.New()
	for _, w := range c.files {
		fmt.Fprintf(sum, "%q %d %d %d %v %t\n", w.Name, w.Size, w.ModTime.UnixNano(), w.Changed.UnixNano(), w.places, w.adds)
	}
	return sum.Sum(nil)
}
