package evidence

import (
	"io"
	"time"
)

// ObservationKind names a table of field names.
type ObservationKind string

// The kinds of observation.
const (
	ObserveFile    ObservationKind = "file"    // a file that Interest asked for
	ObserveFolder  ObservationKind = "folder"  // a directory that Interest asked for
	ObserveProcess ObservationKind = "process" // a running process
	ObserveService ObservationKind = "service" // a service or unit
	ObserveProduct ObservationKind = "product" // an Installation
)

// Fields is the one table of field names per kind, in Sigma's taxonomy where
// it has a word. Values are set with Set and read with Get.
var Fields = map[ObservationKind][]string{
	ObserveFile:    {"TargetFilename", "Hashes", "Size"}, // TargetFilename: the examined machine's path, slashes as it writes them; Hashes: "SHA256=...", and MD5 and SHA1 where they were asked for: "MD5=...,SHA256=..."
	ObserveFolder:  {"TargetFilename"},
	ObserveProcess: {"Image", "ProcessId"},
	ObserveService: {"ServiceName", "ImagePath", "StartName"},
	ObserveProduct: {"Product"},
}

// Observation is one fact. It is borrowed: whoever keeps it past the call
// copies it.
type Observation struct {
	Kind         ObservationKind
	Values       []string // by position in Fields[Kind]
	Ref          Ref
	Time         time.Time     // the newest of the fact's own times; zero: none
	Content      io.ReaderAt   // nil: no content, or not asked for
	Size         int64         // bytes of Content
	Installation *Installation // for ObserveProduct
	Places       []int         // of a file or folder: which of Interest.Places ask for it, ascending; nil: its path alone tells
	File         *FileFacts    // of a file or folder; nil: nothing more is known
}

// Get returns a field's value, "" if the kind has no such field or it is empty.
func (o *Observation) Get(field string) string {
	for i, f := range Fields[o.Kind] {
		if f == field && i < len(o.Values) {
			return o.Values[i]
		}
	}
	return ""
}
