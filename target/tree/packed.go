package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"postern/evidence"
	"postern/target/unpack"
)

// readPacked unpacks a compressed stream into scratch, if a tar is inside.
func (a *archive) readPacked(ctx context.Context, kind string) (opened bool, faults []error) {
	plain, err := unpack.Open(a.file, a.size, kind)
	if err != nil {
		return false, []error{err}
	}
	defer plain.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(plain, head)
	if errors.Is(err, evidence.ErrLimit) {
		return false, []error{err}
	}
	if !isTar(head[:n]) {
		return false, nil // one packed log; a damaged one is its reader's to tell
	}
	spool, err := a.scratch.create()
	if err != nil {
		return false, []error{fmt.Errorf("scratch for unpacking: %w", err)}
	}
	size, err := a.spool(ctx, spool, io.MultiReader(bytes.NewReader(head[:n]), plain), plain.Packed)
	if err != nil {
		faults = append(faults, err)
	}
	a.data, a.dataLen = spool, size
	return true, append(faults, a.readTar(ctx, spool, size)...)
}

// spool copies plain into w within the limits and says how much came out.
func (a *archive) spool(ctx context.Context, w io.Writer, plain io.Reader, packed func() int64) (size int64, err error) {
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := plain.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return size, fmt.Errorf("unpacking into scratch: %w", werr)
		}
		size += int64(n)
		if lerr := a.limits.check(size, packed()); lerr != nil {
			return size, lerr
		}
		if err == io.EOF { // the clean end; a cut is io.ErrUnexpectedEOF, or wraps more
			return size, nil
		}
		if err != nil {
			return size, fmt.Errorf("%w: unpacked %d bytes: %w", evidence.ErrTruncated, size, err)
		}
	}
}

// readSevenZip unpacks a 7-Zip archive into scratch: its blocks are read front
// to back or not at all. What an entry lacks stands with the entry.
func (a *archive) readSevenZip(ctx context.Context) []error {
	a.index = newIndex(a.limits.Entries, false)
	defer a.finish()
	spool, err := a.scratch.create()
	if err != nil {
		return []error{fmt.Errorf("scratch for unpacking: %w", err)}
	}
	a.data, a.dataLen = spool, 0
	err = unpack.SevenZip(ctx, a.file, a.size, a.limits.Entries, func(e unpack.Entry, content io.Reader) error {
		if !e.Unix {
			e.Name = strings.ReplaceAll(e.Name, `\`, "/")
		}
		it := item{mode: e.Mode, size: e.Size, at: a.dataLen, unix: true}
		if !e.ModTime.IsZero() && e.ModTime.Unix() > 0 {
			it.mod = e.ModTime.UnixNano()
		}
		if strings.HasSuffix(e.Name, "/") {
			it.mode = e.Mode.Perm() | fs.ModeDir
		}
		if content == nil {
			return a.add(e.Name, it)
		}
		var fault error
		it.packed, fault = a.spool(ctx, spool, content, func() int64 { return a.size })
		a.dataLen += it.packed
		return a.addSpooled(e.Name, it, fault)
	})
	return faultList(err)
}

// addSpooled adds an entry whose content lies in scratch. A link's text is its
// content.
func (a *archive) addSpooled(name string, it item, fault error) error {
	switch {
	case fault != nil && (it.packed == 0 || !errors.Is(fault, evidence.ErrTruncated)):
		it.err = fault
	case fault != nil && it.packed == it.size:
		it.size++ // its checksum does not match: a read to its end tells
	case it.mode&fs.ModeSymlink != 0 && it.packed > maxName:
		it.err = fmt.Errorf("%w: a link of %d bytes", evidence.ErrLimit, it.packed)
	case it.mode&fs.ModeSymlink != 0:
		text := make([]byte, it.packed)
		if _, err := a.data.ReadAt(text, it.at); err != nil && !errors.Is(err, io.EOF) {
			it.err = err
		}
		it.link = string(text)
	}
	return errors.Join(a.add(name, it), a.limits.check(a.dataLen, a.size))
}
