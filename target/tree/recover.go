package tree

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"postern/evidence"
)

// recoverZip indexes a zip by its local headers, front to back, and says how
// many entries it found. Links show as files there: local headers have no
// mode.
func (a *archive) recoverZip(ctx context.Context) (n int, err error) {
	for at := int64(0); ; n++ {
		if at, err = a.nextLocal(ctx, at); err != nil || at < 0 {
			return n, err
		}
		head := make([]byte, localLen)
		if _, err := a.file.ReadAt(head, at); err != nil {
			return n, nil // cut within a header: the caller has the fault
		}
		le := binary.LittleEndian
		names := make([]byte, int(le.Uint16(head[26:]))+int(le.Uint16(head[28:])))
		if _, err := a.file.ReadAt(names, at+localLen); err != nil {
			return n, nil
		}
		name, extra := names[:le.Uint16(head[26:])], names[le.Uint16(head[26:]):]
		it := item{
			at: at, method: le.Uint16(head[8:]), mod: dosTime(le.Uint16(head[12:]), le.Uint16(head[10:])), crc: le.Uint32(head[14:]),
			packed: int64(le.Uint32(head[18:])), size: int64(le.Uint32(head[22:])), mode: 0o644,
		}
		it.extend(extra, false)
		flags := le.Uint16(head[6:])
		at += localLen + int64(len(names))
		if flags&8 != 0 && flags&1 == 0 && it.packed == 0 {
			if err := a.measure(ctx, &it, at); err != nil {
				return n, err
			}
		}
		if it.packed > 0 {
			at += min(it.packed, a.size-at)
		}
		if err := a.addZip(string(name), it, flags); err != nil {
			return n, err
		}
	}
}

// nextLocal finds the next local header; below 0 when there is none. What
// stands between is a data descriptor, or damage.
func (a *archive) nextLocal(ctx context.Context, at int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for at < a.size {
		if err := ctx.Err(); err != nil {
			return -1, err
		}
		n, err := a.file.ReadAt(buf, at)
		if i := bytes.Index(buf[:n], []byte(sigLocal)); i >= 0 {
			return at + int64(i), nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return -1, err
		}
		if errors.Is(err, io.EOF) || n < len(sigLocal) {
			return -1, nil
		}
		at += int64(n - len(sigLocal) + 1)
	}
	return -1, nil
}

// measure finds the size of an entry whose header leaves it to a descriptor
// behind the data (APPNOTE 4.3.9), by inflating it.
func (a *archive) measure(ctx context.Context, it *item, at int64) error {
	if it.method != methodDeflate {
		it.err = fmt.Errorf("%w: its size stood in the lost directory", evidence.ErrTruncated)
		return nil
	}
	packed := &counted{r: io.NewSectionReader(a.file, at, a.size-at)}
	ahead := bufio.NewReader(packed) // flate reads single bytes from it and takes no more than it needs
	size, err := a.spool(ctx, io.Discard, flate.NewReader(ahead), func() int64 { return packed.n })
	it.packed, it.size = packed.n-int64(ahead.Buffered()), size
	if spent := a.spent.Add(size); spent > a.limits.Bytes {
		return fmt.Errorf("%w: more than %d bytes unpacked from this archive", evidence.ErrLimit, a.limits.Bytes)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, evidence.ErrLimit):
		it.err = err
	case err != nil:
		it.size++ // one byte is known to be missing, so that a read to its end tells
	default:
		tail := make([]byte, 8)
		if _, err := a.file.ReadAt(tail, at+it.packed); err == nil {
			if it.crc = binary.LittleEndian.Uint32(tail); string(tail[:4]) == "PK\x07\x08" {
				it.crc = binary.LittleEndian.Uint32(tail[4:])
			}
		}
	}
	return nil
}
