package tree

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"postern/evidence"
)

// Records of a zip (APPNOTE 6.3.10, section 4.3) and their fixed lengths.
const (
	sigLocal   = "PK\x03\x04"
	sigCentral = "PK\x01\x02"
	sigEnd     = "PK\x05\x06"
	sigEnd64   = "PK\x06\x06"
	sigLoc64   = "PK\x06\x07"

	localLen   = 30
	centralLen = 46
	endLen     = 22
	end64Len   = 56
	loc64Len   = 20
)

// directory is where a zip's central directory stands.
type directory struct {
	at, size int64
	base     int64 // bytes before the zip in the file: a self-extracting program
	count    uint64
	zip64    bool
}

var errNoDirectory = fmt.Errorf("%w: zip without its directory", evidence.ErrTruncated)

// findDirectory reads the end record, searched for in the last MiB: data may
// stand behind it.
//
// A cut zip may hold a whole one that was stored in it: what the end record of
// that one describes would pass for the file. So no local header may stand
// before the zip that an end record tells of.
func (a *archive) findDirectory(ctx context.Context) (directory, error) {
	tail := make([]byte, min(a.size, 1<<20))
	if _, err := a.file.ReadAt(tail, a.size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return directory{}, err
	}
	for i := len(tail); ; {
		if i = bytes.LastIndex(tail[:i], []byte(sigEnd)); i < 0 {
			return directory{}, errNoDirectory
		}
		if end := tail[i:]; len(end) >= endLen {
			d, err := a.directoryAt(end, a.size-int64(len(tail))+int64(i))
			if err == nil && d.base > 0 {
				if first, err := a.nextLocal(ctx, 0); err != nil || first >= 0 && first < d.base {
					return directory{}, errors.Join(errNoDirectory, err)
				}
			}
			if err == nil {
				return d, nil
			}
		}
	}
}

// directoryAt reads the directory that the end record at pos tells of.
func (a *archive) directoryAt(end []byte, pos int64) (directory, error) {
	le := binary.LittleEndian
	d := directory{count: uint64(le.Uint16(end[10:])), size: int64(le.Uint32(end[12:])), at: int64(le.Uint32(end[16:]))}
	loc := make([]byte, loc64Len+end64Len)
	if _, err := a.file.ReadAt(loc[:loc64Len], pos-loc64Len); pos >= loc64Len && err == nil && string(loc[:4]) == sigLoc64 {
		at := int64(le.Uint64(loc[8:]))
		rec := loc[loc64Len:]
		for _, try := range []int64{at, pos - loc64Len - end64Len} { // as stated, or right before when a program was put in front
			if _, err := a.file.ReadAt(rec, max(0, try)); err == nil && string(rec[:4]) == sigEnd64 {
				d = directory{count: le.Uint64(rec[32:]), size: int64(le.Uint64(rec[40:])), at: int64(le.Uint64(rec[48:])), zip64: true}
				pos = try
				break
			}
		}
	}
	if d.size < 0 || d.at < 0 || d.size > pos {
		return directory{}, errNoDirectory
	}
	d.base = pos - d.size - d.at
	if d.base < 0 || d.count > 0 && !a.signed(d.base+d.at, sigCentral) {
		d.base = 0
	}
	if d.count > 0 && !a.signed(d.base+d.at, sigCentral) {
		return directory{}, errNoDirectory
	}
	d.at += d.base
	return d, nil
}

func (a *archive) signed(at int64, sig string) bool {
	have := make([]byte, len(sig))
	_, err := a.file.ReadAt(have, at)
	return err == nil && string(have) == sig
}

// readZip indexes a zip by its directory, or where that is lost or broken by
// its local headers.
func (a *archive) readZip(ctx context.Context) []error {
	defer a.finish()
	d, err := a.findDirectory(ctx)
	if err == nil {
		if err = a.readDirectory(ctx, d); err == nil || errors.Is(err, evidence.ErrLimit) || ctx.Err() != nil {
			return append(faultList(err), a.sealed()...)
		}
		a.index = newIndex(a.limits.Entries, true)
	}
	n, recoverErr := a.recoverZip(ctx)
	faults := append(faultList(fmt.Errorf("%w; %d entries recovered", err, n)), faultList(recoverErr)...)
	return append(faults, a.sealed()...)
}

// sealed says so when every file of the archive is encrypted.
func (a *archive) sealed() []error {
	files := 0
	for i := range a.items {
		if !a.items[i].mode.IsDir() {
			if files++; !errors.Is(a.items[i].err, evidence.ErrEncrypted) {
				return nil
			}
		}
	}
	if files == 0 {
		return nil
	}
	return []error{fmt.Errorf("%w: all %d files in it: unpack it with its password and name the folder", evidence.ErrEncrypted, files)}
}

func faultList(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err}
}

func (a *archive) readDirectory(ctx context.Context, d directory) error {
	r := bufio.NewReader(io.NewSectionReader(a.file, d.at, d.size))
	head := make([]byte, centralLen)
	for n := uint64(0); ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := io.ReadFull(r, head)
		if errors.Is(err, io.EOF) || err == nil && string(head[:4]) != sigCentral { // a signature may follow
			if n != d.count && (d.zip64 || uint16(n) != uint16(d.count)) { // compared as the 16 bits stored
				return fmt.Errorf("%w: zip directory of %d entries holds %d", evidence.ErrTruncated, d.count, n)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: zip directory: %w", evidence.ErrTruncated, err)
		}
		le := binary.LittleEndian
		names := make([]byte, int(le.Uint16(head[28:]))+int(le.Uint16(head[30:])))
		if _, err := io.ReadFull(r, names); err != nil {
			return fmt.Errorf("%w: zip directory: %w", evidence.ErrTruncated, err)
		}
		if _, err := r.Discard(int(le.Uint16(head[32:]))); err != nil {
			return fmt.Errorf("%w: zip directory: %w", evidence.ErrTruncated, err)
		}
		name, extra := names[:le.Uint16(head[28:])], names[le.Uint16(head[28:]):]
		it := item{
			method: le.Uint16(head[10:]), crc: le.Uint32(head[16:]), mod: dosTime(le.Uint16(head[14:]), le.Uint16(head[12:])),
			packed: int64(le.Uint32(head[20:])), size: int64(le.Uint32(head[24:])), at: int64(le.Uint32(head[42:])),
			unix: head[5] == 3 || head[5] == 19, mode: 0o644,
		}
		if attr := le.Uint32(head[38:]); it.unix && attr>>16 != 0 {
			it.mode = unixMode(attr >> 16)
		} else if attr&0x10 != 0 {
			it.mode = fs.ModeDir | 0o755
		}
		it.extend(extra, true)
		it.at += d.base
		if err := a.addZip(string(name), it, le.Uint16(head[8:])); err != nil {
			return err
		}
	}
}

// addZip adds an entry with the faults its header tells of.
func (a *archive) addZip(name string, it item, flags uint16) error {
	if n := len(name); n > 0 && (name[n-1] == '/' || name[n-1] == '\\') {
		it.mode = it.mode.Perm() | fs.ModeDir
	}
	switch {
	case flags&1 != 0:
		it.err = fmt.Errorf("%w: unpack it with its password and name the folder", evidence.ErrEncrypted)
	case it.size < 0 || it.packed < 0 || it.at < 0 || it.at >= a.size:
		it.err = fmt.Errorf("%w: its header leads nowhere", evidence.ErrTruncated)
	case it.size > a.limits.Bytes:
		it.err = fmt.Errorf("%w: declares %d bytes", evidence.ErrLimit, it.size)
	}
	return a.add(name, it)
}

// extend reads extra fields (APPNOTE 4.5): sizes of zip64, and the modification
// time that is not in local time. Sizes are replaced where they read all ones.
func (it *item) extend(extra []byte, central bool) {
	le := binary.LittleEndian
	for len(extra) >= 4 {
		tag, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return
		}
		data := extra[:n]
		extra = extra[n:]
		switch {
		case tag == 0x0001:
			fields := []*int64{&it.size, &it.packed}
			if central {
				fields = append(fields, &it.at)
			}
			for _, f := range fields {
				if *f == 0xffffffff && len(data) >= 8 {
					*f, data = int64(le.Uint64(data)), data[8:]
				}
			}
		case tag == 0x5455 && n >= 5 && data[0]&1 != 0:
			it.mod = int64(int32(le.Uint32(data[1:]))) * int64(time.Second)
		}
	}
}

// dosTime reads a time in the packer's own zone, taken as UTC: nothing says
// which zone that was.
func dosTime(date, clock uint16) int64 {
	if date == 0 {
		return 0
	}
	return time.Date(int(date>>9)+1980, time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC).UnixNano()
}

// unixMode converts st_mode.
func unixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & 0o170000 {
	case 0o040000:
		mode |= fs.ModeDir
	case 0o120000:
		mode |= fs.ModeSymlink
	case 0o010000:
		mode |= fs.ModeNamedPipe
	case 0o140000:
		mode |= fs.ModeSocket
	case 0o020000:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case 0o060000:
		mode |= fs.ModeDevice
	}
	return mode
}
