package unpack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/ulikunitz/xz/lzma"

	"postern/evidence"
	"postern/inflate"
)

// Limits of what a 7-Zip header may declare.
const (
	maxHeader7z = 64 << 20 // bytes, unpacked: half a million names and more
	maxCoders7z = 32       // in one folder, as in 7-Zip itself
	maxSteps7z  = 1 << 32  // files times folders: what the library takes to find each file's
)

// Record ids of 7zFormat.txt.
const (
	id7zEnd, id7zHeader, id7zStreams, id7zFiles = 0, 1, 4, 5
	id7zPack, id7zUnpack, id7zSubStreams        = 6, 7, 8
	id7zSize, id7zCRC, id7zFolder, id7zUnpacked = 9, 10, 11, 12
	id7zNumbers, id7zEncoded                    = 13, 23
)

// Methods that are read, and those that mean encryption.
var (
	copied, lzma1, lzma2, ppmd = "\x00", "\x03\x01\x01", "\x21", "\x03\x04\x01"
	methods7z                  = []string{
		copied, lzma1, lzma2, ppmd, "\x03" /* delta */, "\x04\x01\x08" /* deflate */, "\x04\x02\x02", /* bzip2 */
		"\x03\x03\x01\x03" /* BCJ */, "\x03\x03\x01\x1b" /* BCJ2 */, "\x03\x03\x02\x05", /* PPC */
		"\x03\x03\x05\x01" /* ARM */, "\x03\x03\x08\x05" /* SPARC */, "\x0a", /* ARM64 */
	}
	aes7z = "\x06\xf1\x07\x01"
)

// gate7z reads an archive's headers as far as they count things, before the
// library makes room for what they count. It must read every count that the
// library reads, in the same order.
func gate7z(r io.ReaderAt, size, entries int64) error {
	head := make([]byte, 32)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	le := binary.LittleEndian
	at, length := le.Uint64(head[12:]), le.Uint64(head[20:])
	switch {
	case size < 32:
		return cut7z("no header")
	case crc32.ChecksumIEEE(head[12:32]) != le.Uint32(head[8:]):
		return cut7z("the first header's checksum does not match")
	case at > uint64(size)-32 || length > uint64(size)-32-at:
		return cut7z("its directory stands at the end, which is missing (of several parts, join them)")
	case length > maxHeader7z:
		return fmt.Errorf("%w: a 7-Zip header of %d bytes", evidence.ErrLimit, length)
	}
	data := make([]byte, length)
	if _, err := r.ReadAt(data, 32+int64(at)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if crc32.ChecksumIEEE(data) != le.Uint32(head[28:]) {
		return cut7z("its directory's checksum does not match")
	}
	h := &header7z{data: data}
	if h.byte() == id7zEncoded {
		h.streams()
		if h.err != nil {
			return h.err
		}
		data, err := h.decode(r, size)
		if err != nil {
			return err
		}
		h = &header7z{data: data}
		if h.byte() != id7zHeader {
			return cut7z("no directory inside its packed header")
		}
	}
	return h.count(entries)
}

func cut7z(what string) error {
	return fmt.Errorf("%w: a 7-Zip archive: %s", evidence.ErrTruncated, what)
}

// header7z reads a header. After the first error all it gives are zeros.
type header7z struct {
	data    []byte
	at      int
	err     error
	packAt  uint64
	packed  []uint64 // sizes of the first packed streams
	folders []folder7z
	files   uint64 // substreams
}

type folder7z struct {
	coders []coder7z
	outs   uint64
	size   uint64 // of the last stream that comes out
}

type coder7z struct {
	method, properties string
}

// count holds the counts of a header against what it is long, and entries.
func (h *header7z) count(entries int64) error {
	id := h.byte()
	if id == id7zStreams {
		h.streams()
		id = h.byte()
	}
	var files uint64
	if id == id7zFiles {
		files = h.number()
	}
	switch {
	case h.err != nil:
		return h.err
	case id != id7zFiles && id != id7zEnd:
		return fmt.Errorf("%w: a 7-Zip header with record %d: unpack it and name the folder", evidence.ErrUnsupported, id)
	case files > uint64(entries) || h.files > uint64(entries):
		return fmt.Errorf("%w: more than %d names", evidence.ErrLimit, entries)
	case files > uint64(len(h.data))/2: // a name is two bytes at least
		return cut7z(fmt.Sprintf("a directory of %d bytes cannot name %d files", len(h.data), files))
	case files*uint64(len(h.folders)) > maxSteps7z:
		return fmt.Errorf("%w: %d files in %d blocks: unpack it and name the folder", evidence.ErrLimit, files, len(h.folders))
	}
	return nil
}

// streams reads StreamsInfo.
func (h *header7z) streams() {
	id := h.byte()
	if id == id7zPack {
		h.packAt = h.number()
		n := h.few()
		if id = h.byte(); id == id7zSize {
			for range n {
				h.packed = append(h.packed, h.number())
			}
			id = h.byte()
		}
		if id == id7zCRC {
			h.digests(n)
			id = h.byte()
		}
		h.want(id, id7zEnd)
		id = h.byte()
	}
	if id == id7zUnpack {
		h.unpackInfo()
		id = h.byte()
	}
	if id == id7zSubStreams {
		h.subStreams()
		id = h.byte()
	}
	h.want(id, id7zEnd)
}

// unpackInfo reads the folders: how each block is decoded, and to what size.
func (h *header7z) unpackInfo() {
	h.want(h.byte(), id7zFolder)
	n := h.few()
	h.want(h.byte(), 0) // not external
	for range n {
		if h.err != nil {
			return
		}
		h.folders = append(h.folders, h.folder())
	}
	h.want(h.byte(), id7zUnpacked)
	for i := range h.folders {
		for range h.folders[i].outs {
			h.folders[i].size = h.number()
		}
	}
	id := h.byte()
	if id == id7zCRC {
		h.digests(n)
		id = h.byte()
	}
	h.want(id, id7zEnd)
}

// folder reads how one block is decoded, and refuses what this cannot do in
// bounded memory.
func (h *header7z) folder() (f folder7z) {
	n, ins := h.few(), uint64(0)
	if n > maxCoders7z {
		h.fail(evidence.ErrUnsupported, "more coders than 7-Zip itself takes")
	}
	for range n {
		if h.err != nil {
			return f
		}
		flags := h.byte()
		c, in, out := coder7z{method: h.text(uint64(flags & 15))}, uint64(1), uint64(1)
		if flags&0x10 != 0 {
			in, out = h.few(), h.few()
		}
		if flags&0x20 != 0 {
			c.properties = h.text(h.few())
		}
		if ins, f.outs = ins+in, f.outs+out; in > maxCoders7z || out > maxCoders7z {
			h.fail(evidence.ErrUnsupported, "more streams than 7-Zip itself takes")
		}
		f.coders = append(f.coders, c)
		if err := c.gate(); err != nil && h.err == nil {
			h.err = err
		}
	}
	if h.err != nil || f.outs == 0 || ins < f.outs {
		h.fail(evidence.ErrTruncated, "a block that nothing comes out of")
		return f
	}
	for range 2 * (f.outs - 1) { // bind pairs
		h.number()
	}
	if packed := ins - (f.outs - 1); packed != 1 {
		for range packed {
			h.number()
		}
	}
	return f
}

// gate refuses a coder that is not known, encrypts, or wants much memory.
func (c coder7z) gate() error {
	switch {
	case c.method == aes7z:
		return errEncrypted7z
	case !slices.Contains(methods7z, c.method):
		return fmt.Errorf("%w: 7-Zip method %x: unpack it and name the folder", evidence.ErrUnsupported, c.method)
	case c.method == lzma2 && len(c.properties) == 1:
		return inflate.Dictionary(inflate.LZMA2Dictionary(c.properties[0]), maxDictionary)
	case (c.method == lzma1 || c.method == ppmd) && len(c.properties) == 5:
		return inflate.Dictionary(int64(binary.LittleEndian.Uint32([]byte(c.properties[1:]))), maxDictionary)
	case c.method == lzma1 || c.method == lzma2 || c.method == ppmd:
		return cut7z("a coder without its properties")
	}
	return nil
}

// subStreams reads how many files each block holds.
func (h *header7z) subStreams() {
	id := h.byte()
	h.files = uint64(len(h.folders))
	streams := slices.Repeat([]uint64{1}, len(h.folders))
	if id == id7zNumbers {
		h.files = 0
		for i := range streams {
			streams[i] = h.few()
			h.files += streams[i]
		}
		id = h.byte()
	}
	if h.files > uint64(len(h.data)) {
		h.fail(evidence.ErrTruncated, "more files than its header can tell of")
	}
	if id == id7zSize && h.err == nil {
		for _, n := range streams {
			for j := uint64(1); j < n; j++ { // the last is what is left
				h.number()
			}
		}
		id = h.byte()
	}
	if id == id7zCRC && h.err == nil {
		h.digests(h.files)
		id = h.byte()
	}
	h.want(id, id7zEnd)
}

// digests passes over n optional checksums.
func (h *header7z) digests(n uint64) {
	defined := n
	if h.byte() == 0 {
		defined = 0
		for _, b := range []byte(h.text((n + 7) / 8)) {
			for ; b != 0; b &= b - 1 {
				defined++
			}
		}
		defined = min(defined, n)
	}
	h.text(4 * defined)
}

// decode unpacks an encoded header.
func (h *header7z) decode(r io.ReaderAt, size int64) (data []byte, err error) {
	defer caught(&err)
	if len(h.folders) != 1 || len(h.packed) == 0 || len(h.folders[0].coders) != 1 {
		return nil, fmt.Errorf("%w: a 7-Zip header packed in steps: unpack the archive and name the folder", evidence.ErrUnsupported)
	}
	f := h.folders[0]
	switch {
	case f.size > maxHeader7z:
		return nil, fmt.Errorf("%w: a 7-Zip header of %d bytes", evidence.ErrLimit, f.size)
	case h.packAt > uint64(size) || h.packed[0] > uint64(size):
		return nil, cut7z("its packed header is missing")
	}
	var plain io.Reader = io.NewSectionReader(r, 32+int64(h.packAt), int64(h.packed[0]))
	switch c := f.coders[0]; c.method {
	case copied:
	case lzma1:
		head := binary.LittleEndian.AppendUint64([]byte(c.properties), f.size)
		plain, err = lzma.NewReader(io.MultiReader(bytes.NewReader(head), plain))
	case lzma2:
		plain, err = lzma.Reader2Config{DictCap: int(inflate.LZMA2Dictionary(c.properties[0]))}.NewReader2(plain)
	default:
		return nil, fmt.Errorf("%w: a 7-Zip header of method %x: unpack the archive and name the folder", evidence.ErrUnsupported, c.method)
	}
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(plain, int64(f.size)))
	}
	if err != nil || uint64(len(data)) < f.size {
		return nil, told("7-Zip header", cmpErr(err, io.ErrUnexpectedEOF))
	}
	return data, nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func (h *header7z) fail(reason error, what string) {
	if h.err == nil {
		h.err = fmt.Errorf("%w: a 7-Zip archive: %s", reason, what)
	}
	h.at = len(h.data)
}

func (h *header7z) want(have, want byte) {
	if have != want {
		h.fail(evidence.ErrTruncated, fmt.Sprintf("record %d where %d is due", have, want))
	}
}

// text gives the next n bytes.
func (h *header7z) text(n uint64) string {
	if n > uint64(len(h.data)-h.at) {
		h.fail(evidence.ErrTruncated, "its header is cut")
		return ""
	}
	h.at += int(n)
	return string(h.data[h.at-int(n) : h.at])
}

func (h *header7z) byte() byte {
	if s := h.text(1); s != "" {
		return s[0]
	}
	return 0
}

// number reads a number: the first byte's leading ones say how many follow.
func (h *header7z) number() (v uint64) {
	first := h.byte()
	for i, mask := 0, byte(0x80); i < 8; i, mask = i+1, mask>>1 {
		if first&mask == 0 {
			return v | uint64(first&(mask-1))<<(8*i)
		}
		v |= uint64(h.byte()) << (8 * i)
	}
	return v
}

// few is a number of things that take a byte of the header each, or nearly.
func (h *header7z) few() uint64 {
	n := h.number()
	if n > uint64(len(h.data)) {
		h.fail(evidence.ErrTruncated, fmt.Sprintf("a header of %d bytes counts %d things", len(h.data), n))
		return 0
	}
	return n
}
