package evidence

import (
	"cmp"
	"strings"
	"time"
)

// Ref says where to look again: a file, and a place in it.
type Ref struct {
	Collector string
	Path      string    // as on the source: a tree name or a URL
	Unit      Unit      // what At counts; "" for the whole file
	At        int64     // line and record numbers start at 1, offsets at 0
	SHA256    string    // lower-case hex of the whole file, "" until known
	Time      time.Time // when what stands there happened, UTC; zero: not known
	Text      string    // the matching line or a rendering of the record; raw bytes, escaped only when printed
}

// Unit is what a Ref's position counts.
type Unit string

// The units; the values are the report contract's field names.
const (
	Line   Unit = "line"
	Record Unit = "record"
	Offset Unit = "offset"
)

// Compare orders refs by path and position, the order findings stand in.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(strings.Compare(r.Path, o.Path), cmp.Compare(r.At, o.At), strings.Compare(string(r.Unit), string(o.Unit)))
}
