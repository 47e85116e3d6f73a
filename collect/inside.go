package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"postern/evidence"
)

// archiveDepth is how many archives are opened inside one another.
const archiveDepth = 3

// archiveMagics are how files begin that hold others, and may be opened (or are a
// gap, as RAR and disk images are).
var archiveMagics = []struct {
	at    int
	magic string
}{
	{0, "PK\x03\x04"}, {0, "7z\xbc\xaf\x27\x1c"}, {0, "\x1f\x8b\x08"}, {0, "\xfd7zXZ\x00"}, {0, "BZh"}, {0, "\x28\xb5\x2f\xfd"}, {257, "ustar"}, {0, "Rar!\x1a\x07"},
	{0, "EVF\x09"}, {0, "vhdxfile"}, {0, "conectix"}, {0, "KDMV"}, {0, "QFI\xfb"},
}

func isArchive(content io.ReaderAt) bool {
	head := make([]byte, 264)
	n, _ := content.ReadAt(head, 0) // what does not read is told by who reads all of it
	for _, m := range archiveMagics {
		if n >= m.at+len(m.magic) && bytes.Equal(head[m.at:m.at+len(m.magic)], []byte(m.magic)) {
			return true
		}
	}
	return false
}

// inside hands over the files of an archive, and of those in it, as files of their
// own: "a.zip!/b.aspx". It is false when some could not be read.
func (s *scan) inside(ctx context.Context, w wanted, lane evidence.Lane, out evidence.Sink) (whole bool) {
	nester, can := s.treeOf(w).(evidence.Nester)
	if !can {
		return true
	}
	if w.depth >= archiveDepth {
		s.lose(out, w, evidence.CompromisedNow, fmt.Errorf("%w: %d archives inside one another", evidence.ErrLimit, archiveDepth))
		return false
	}
	inner, err := s.openArchive(ctx, nester, w)
	whole = err == nil
	if err != nil && ctx.Err() == nil {
		s.lose(out, w, evidence.CompromisedNow, fmt.Errorf("collect: what it holds: %w", err))
	}
	if inner == nil {
		return whole
	}
	err = inner.Walk(ctx, ".", func(e evidence.Entry) error {
		if !e.Mode.IsRegular() || e.Real != "" {
			return nil
		}
		member := wanted{Entry: e, in: inner, at: e.Name, depth: w.depth + 1, adds: true}
		member.Name = w.Name + "!/" + e.Name
		member.places, member.site = s.placed(member.Name)
		s.ahead(member.work())
		whole = s.observe(ctx, member, lane, out) && whole
		return ctx.Err()
	})
	if err = errors.Join(err, inner.Close()); err != nil && ctx.Err() == nil {
		s.lose(out, w, evidence.CompromisedNow, err)
	}
	return whole && err == nil
}

// openArchive opens an archive, nil for what is none. With an error not all of it is
// there.
func (s *scan) openArchive(ctx context.Context, nester evidence.Nester, w wanted) (evidence.Archive, error) {
	limit := s.allowed(w)
	limited, cancel := context.WithTimeoutCause(ctx, limit, slowError{limit})
	defer cancel()
	type opened struct {
		archive evidence.Archive
		faults  []error
	}
	got, err := patiently(limited, limit, &s.hung, func() (opened, error) {
		inner, faults, err := nester.Inside(limited, w.stored())
		return opened{inner, faults}, err
	}, func(late opened) {
		if late.archive != nil {
			_ = late.archive.Close() // nobody waits for it any more
		}
	})
	return got.archive, errors.Join(append(got.faults, err)...)
}

// treeOf is the tree that a file lies in: the source's, or an archive.
func (s *scan) treeOf(w wanted) evidence.Tree {
	if w.in != nil {
		return w.in
	}
	return s.src.Files
}

// stored is a file's name in its tree.
func (w *wanted) stored() evidence.Name {
	if w.in != nil {
		return w.at
	}
	return w.Name
}

// placed are the places that ask for a file of a source that is whole, and its web
// root.
func (s *scan) placed(n evidence.Name) ([]int, *evidence.Site) {
	s.viewing.Lock()
	defer s.viewing.Unlock()
	v := s.viewOf(n.Dir())
	return append(s.placesOf(v, n, false, true), s.every()), v.site
}
