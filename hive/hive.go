// Package hive reads Windows registry hives offline, behind the same
// evidence.Registry a live host offers. The layouts come from regparser; the
// walk over them is ours, because a hive is hostile input: whatever does not
// read ends as an error, never as a panic, an endless walk or a short list
// that looks whole.
//
// Limits: 128 Ki subkeys and 64 Ki values a key, 16 MiB a value, 512 levels, 64 MiB a transaction log.
// Transaction logs are replayed in memory by Load; the files stay as they are.
package hive

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"postern/evidence"

	"www.velocidex.com/golang/regparser"
)

// Limits on what one key of a hive may claim to hold.
const (
	maxSubkeys = 1 << 17
	maxValues  = 1 << 16
	maxData    = 16 << 20
	maxDepth   = 512

	headerSize = 4096 // cell offsets count from here
	maxListed  = 64   // keys whose children stay in memory
)

// errDamaged says that a structure of the hive does not hold together.
var errDamaged = errors.New("hive: damaged")

// Hive is one open hive file. Safe for concurrent use.
type Hive struct {
	mu        sync.Mutex
	pages     *pages
	reg       *regparser.Registry
	dirty     bool
	truncated bool
	listed    map[int64]*children
}

// children are the subkeys of one key: names in the hive's order, cells by
// folded name, and the error that makes the list not whole.
type children struct {
	names []string
	cells map[string]int64
	seen  int // list entries visited, good or not
	err   error
}

// Open reads the header of a hive of size bytes. r must stay open while the
// hive is used. A file shorter than a header wraps evidence.ErrTruncated, one
// that is no hive evidence.ErrUnsupported.
func Open(r io.ReaderAt, size int64) (h *Hive, err error) {
	if size < headerSize {
		return nil, fmt.Errorf("hive: %d bytes, a header has %d: %w", size, headerSize, evidence.ErrTruncated)
	}
	defer guard("header", &err)
	p := &pages{r: r, size: size}
	reg, err := regparser.NewRegistry(p)
	if p.err != nil {
		return nil, fmt.Errorf("hive: header: %w", p.err)
	}
	if err != nil {
		return nil, fmt.Errorf("hive: no registry hive: %w", evidence.ErrUnsupported)
	}
	base := reg.BaseBlock
	h = &Hive{pages: p, reg: reg, listed: map[int64]*children{}}
	h.dirty = base.Sequence1() != base.Sequence2()
	h.truncated = headerSize+int64(base.Length()) > size
	if p.err != nil {
		return nil, fmt.Errorf("hive: header: %w", p.err)
	}
	return h, nil
}

// Dirty reports whether the last write to the hive was not finished: the
// newest changes then stand only in its transaction logs; see Load.
func (h *Hive) Dirty() bool { return h.dirty }

// Truncated reports whether the file is shorter than its header declares.
func (h *Hive) Truncated() bool { return h.truncated }

// Key reads the key at path below the hive's root (`Select`,
// `ControlSet001\Services`), case folded; "" is the root. A missing key wraps
// fs.ErrNotExist. When part of a key could not be read, the rest comes with an
// error; a name that is missing from such a list is damaged, not absent.
func (h *Hive) Key(path string) (key *evidence.RegistryKey, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer guard("key "+path, &err)
	h.pages.err = nil

	cell, err := h.find(path)
	if err != nil {
		return nil, fmt.Errorf("hive: key %s: %w", path, err)
	}
	nk, err := h.node(cell)
	if err != nil {
		return nil, fmt.Errorf("hive: key %s: %w", path, err)
	}
	kids := h.children(cell, nk)
	values, err := h.values(nk)
	key = &evidence.RegistryKey{Path: path, Written: filetime(nk), Subkeys: kids.names, Values: values}
	if err := errors.Join(kids.err, err, h.pages.err); err != nil {
		return key, fmt.Errorf("hive: key %s: %w", path, err)
	}
	return key, nil
}

// guard turns a panic of the parser into an error.
func guard(what string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %s: %v", errDamaged, what, r)
	}
}

// find returns the cell of the key at path.
func (h *Hive) find(path string) (int64, error) {
	cell := headerSize + int64(h.reg.BaseBlock.RootCell())
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '\\' })
	if len(parts) > maxDepth {
		return 0, fmt.Errorf("%d levels: %w", len(parts), evidence.ErrLimit)
	}
	for _, part := range parts {
		nk, err := h.node(cell)
		if err != nil {
			return 0, err
		}
		kids := h.children(cell, nk)
		next, found := kids.cells[strings.ToLower(part)]
		if !found {
			if kids.err != nil {
				return 0, kids.err
			}
			return 0, fs.ErrNotExist
		}
		cell = next
	}
	return cell, nil
}

// node returns the key node in a cell.
func (h *Hive) node(cell int64) (*regparser.CM_KEY_NODE, error) {
	nk := h.reg.Profile.HCELL(h.pages, cell).KeyNode()
	if h.pages.err != nil {
		return nil, h.pages.err
	}
	if nk == nil {
		return nil, fmt.Errorf("%w: no key at offset %d", errDamaged, cell)
	}
	return nk, nil
}

// children lists the subkeys of nk, which stands in cell.
func (h *Hive) children(cell int64, nk *regparser.CM_KEY_NODE) *children {
	if kids := h.listed[cell]; kids != nil {
		return kids
	}
	kids := &children{cells: map[string]int64{}}
	if count := nk.SubKeyCounts()[0]; count > maxSubkeys {
		kids.err = fmt.Errorf("%d subkeys: %w", count, evidence.ErrLimit)
	} else if count > 0 {
		kids.err = h.list(headerSize+int64(nk.SubKeyLists()[0]), 0, kids)
		if kids.err == nil && len(kids.names) < int(count) {
			kids.err = fmt.Errorf("%w: %d of %d subkeys", errDamaged, len(kids.names), count)
		}
	}
	if h.pages.err != nil {
		kids.err = errors.Join(kids.err, h.pages.err)
	}
	if len(h.listed) >= maxListed {
		clear(h.listed)
	}
	h.listed[cell] = kids
	return kids
}

// list adds the subkeys of one index cell: lf and lh name keys, li and ri may
// name indexes too, which the format nests once and no deeper.
func (h *Hive) list(cell int64, depth int, kids *children) error {
	c := h.reg.Profile.HCELL(h.pages, cell)
	step, count, first := int64(4), 0, c.Offset+8
	if fast := c.KeyIndexFast(); fast != nil {
		step, count = 8, int(fast.Count())
	} else if index := c.KeyIndex(); index != nil {
		count = int(index.Count())
	} else {
		return fmt.Errorf("%w: no subkey list at offset %d", errDamaged, cell)
	}
	var bad error
	for i := range count {
		child := headerSize + int64(regparser.ParseUint32(h.pages, first+int64(i)*step))
		if h.pages.err != nil {
			return h.pages.err
		}
		node := h.reg.Profile.HCELL(h.pages, child)
		nk := node.KeyNode()
		if kids.seen++; kids.seen > maxSubkeys {
			return fmt.Errorf("more than %d subkeys: %w", maxSubkeys, evidence.ErrLimit)
		}
		switch {
		case nk != nil:
			kids.add(h.name(nk), child)
		case depth == 0 && (node.KeyIndex() != nil || node.KeyIndexFast() != nil):
			bad = cmp.Or(h.list(child, depth+1, kids), bad)
		case bad == nil:
			bad = fmt.Errorf("%w: no subkey at offset %d", errDamaged, child)
		}
	}
	return bad
}

// add notes one subkey; of two that fold alike the first is found by name.
func (c *children) add(name string, cell int64) {
	c.names = append(c.names, name)
	if low := strings.ToLower(name); c.cells[low] == 0 {
		c.cells[low] = cell
	}
}

// name reads a key's name: one byte a character when the node says so (flag
// KEY_COMP_NAME), UTF-16 otherwise.
func (h *Hive) name(nk *regparser.CM_KEY_NODE) string {
	raw := h.bytes(nk.Offset+h.reg.Profile.Off_CM_KEY_NODE__Name, int64(nk.NameLength()))
	return decodeName(raw, nk.Flags()&0x20 != 0)
}

// bytes reads size bytes at offset; what cannot be read is kept in pages.err.
func (h *Hive) bytes(offset, size int64) []byte {
	data := make([]byte, min(size, max(0, h.pages.size-offset)))
	n, _ := h.pages.ReadAt(data, offset)
	if int64(n) < size && h.pages.err == nil {
		h.pages.err = fmt.Errorf("offset %d: %w", offset, evidence.ErrTruncated)
	}
	return data[:n]
}

// filetime converts a key's last write, 100 ns since 1601; zero when not set.
func filetime(nk *regparser.CM_KEY_NODE) time.Time {
	const epoch = 116444736000000000
	ft := regparser.ParseUint64(nk.Reader, nk.Offset+nk.Profile.Off_CM_KEY_NODE_LastWriteTime)
	if ft < epoch || ft > epoch+1<<61 {
		return time.Time{}
	}
	ft -= epoch
	return time.Unix(int64(ft/1e7), int64(ft%1e7)*100).UTC()
}
