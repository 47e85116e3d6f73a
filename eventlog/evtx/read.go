package evtx

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"postern/evidence"
)

// Sizes of the file's parts (libevtx, "File header", "Chunk").
const (
	fileHeader  = 4096
	chunkSize   = 64 << 10
	chunkHeader = 512
)

// Flags of the file header.
const (
	flagDirty  = 1 << 0 // it was not closed
	flagFull   = 1 << 1
	flagNoSums = 1 << 2 // its checksums mean nothing
)

var le = binary.LittleEndian

var (
	fileMagic  = []byte("ElfFile\x00")
	chunkMagic = []byte("ElfChnk\x00")
	recMagic   = []byte("**\x00\x00")
)

// Is reports whether a file that begins like head is a Windows event log.
func Is(head []byte) bool { return bytes.HasPrefix(head, fileMagic) }

// Options say how a log is read.
type Options struct {
	Ref      evidence.Ref    // collector and path of the events' references
	Required evidence.Period // what is asked about: clearings in it are told from the others
	Review   evidence.Period // events outside are counted, not delivered
	Recover  bool            // search the space that is no longer in use for records, too
}

// Result is what became of a log.
type Result struct {
	Bytes   int64
	Chunks  int64 // with records
	Records int64 // decoded
	Partial int64 // of those, without what a damaged part of them says
	Lost    int64 // promised or begun, and not decoded

	Recovered   int64 // records in space that is no longer in use; none of the above, nor of what stands below
	Overwritten int64 // that begin there, and of which a part was written over

	Dirty bool // the file was not closed; what was written last may be missing
	Full  bool // the log had reached its size, and new records replaced old ones or were refused

	Damage  []Damage // in order; the first hundred
	Damaged int64    // how many there are
	Stale   int64    // of those, chunks with every record whose checksums alone don't fit: in a log in use they are behind

	From, To time.Time // of the events' own times
	Days     []evidence.Day
	IDs      []IDs // runs of record ids, ascending; holes are between them
	Channels []string
	Hosts    []evidence.Host // the computers that the records name, by name; the first hundred
	Clears   Clears
	Err      error // why reading ended early
}

// Damage is one thing that is wrong with a log.
type Damage struct {
	Offset int64 // of the chunk or record
	Lost   int64 // records
	Why    string

	Truncated bool // the file ends too early
}

// IDs is a run of record ids without a hole.
type IDs struct{ First, Last uint64 }

// Holes tells how many record ids are missing between the first and the last.
func (r *Result) Holes() (n uint64) {
	for i := 1; i < len(r.IDs); i++ {
		n += r.IDs[i].First - r.IDs[i-1].Last - 1
	}
	return n
}

// Read reads a log and hands its events to emit, in batches of one schema and
// in the file's order; what they point to is borrowed until emit returns. The
// error is ctx's or emit's; that of r stands in Result.
func Read(ctx context.Context, r io.Reader, opt Options, emit func(*evidence.EventBatch) error) (*Result, error) {
	d := newDecoder(opt, emit)
	defer d.finish()
	head := make([]byte, fileHeader)
	n, err := io.ReadFull(r, head)
	d.result.Bytes = int64(n)
	if !d.header(head[:n], err) {
		return d.result, ctx.Err()
	}
	buf := make([]byte, chunkSize)
	for at := int64(fileHeader); ; at += chunkSize {
		if err := ctx.Err(); err != nil {
			return d.result, err
		}
		n, err := io.ReadFull(r, buf)
		d.result.Bytes += int64(n)
		if n > 0 {
			if err := d.readChunk(buf[:n], at); err != nil {
				return d.result, err
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				d.result.Err = err
			}
			return d.result, ctx.Err()
		}
	}
}

// header reads the file header; false: there is nothing behind it.
func (d *decoder) header(head []byte, err error) bool {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		d.result.Err = err
		return false
	}
	if len(head) < fileHeader {
		d.spoiled(Damage{Why: fmt.Sprintf("%d bytes are no whole file header", len(head)), Truncated: true})
		return false
	}
	if !Is(head) {
		d.damage(0, 0, "the file header does not begin as one")
		return true // the chunks may be sound
	}
	flags := le.Uint32(head[120:])
	d.noSums = flags&flagNoSums != 0
	d.result.Dirty, d.result.Full = flags&flagDirty != 0, flags&flagFull != 0
	if !d.noSums && crc32.ChecksumIEEE(head[:120]) != le.Uint32(head[124:]) {
		d.damage(0, 0, "the file header does not fit its checksum")
	}
	if major := le.Uint16(head[38:]); major != 3 {
		d.damage(0, 0, fmt.Sprintf("version %d of the format, which is not known here", major))
	}
	d.promised = int64(le.Uint16(head[42:]))
	return true
}

const mostDamage = 100

func (d *decoder) damage(at, lost int64, why string) {
	d.spoiled(Damage{Offset: at, Lost: lost, Why: why})
}

func (d *decoder) spoiled(by Damage) {
	d.result.Lost += by.Lost
	if d.result.Damaged++; len(d.result.Damage) < mostDamage {
		d.result.Damage = append(d.result.Damage, by)
	}
}
