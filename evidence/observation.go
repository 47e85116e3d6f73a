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

	ObserveAutostart ObservationKind = "autostart" // something that the system runs by itself
	ObserveSetting   ObservationKind = "setting"   // a setting of the system that lets in, hides, or takes a guard away
	ObserveAccount   ObservationKind = "account"   // a local account
	ObserveTrace     ObservationKind = "trace"     // what tells that a program ran, or that somebody was here
)

// Fields is the one table of field names per kind, in Sigma's taxonomy where
// it has a word. Values are set with Set and read with Get.
var Fields = map[ObservationKind][]string{
	ObserveFile:    {"TargetFilename", "Hashes", "Size"}, // TargetFilename: the examined machine's path, slashes as it writes them; Hashes: "SHA256=...", and MD5 and SHA1 where they were asked for: "MD5=...,SHA256=..."
	ObserveFolder:  {"TargetFilename"},
	ObserveProcess: {"Image", "ProcessId"},
	ObserveService: {"ServiceName", "ImagePath", "StartName"},
	ObserveProduct: {"Product"},

	// Kind: a Start… word. Name: as the system calls it. CommandLine: as it stands there. Image: the program or library
	// that runs, a path of the machine, without quotes and arguments; "" where the command does not tell. ImageFound:
	// "yes", "no", or "" where nobody looked. User: as whom. TargetObject: the registry value or file that says so.
	// Details: what else tells of it. State: "disabled", or "".
	ObserveAutostart: {"Kind", "Name", "CommandLine", "Image", "ImageFound", "User", "TargetObject", "Details", "State"},
	// Kind: a Setting… word. Name: what is set, as the system calls it. Details: to what. User: for whom; "" for all.
	ObserveSetting: {"Kind", "Name", "Details", "Image", "User", "TargetObject"},
	// Groups: names or SIDs, split by commas. State: "disabled", "locked", "no-password", or "". LastLogon and
	// PasswordLastSet: RFC 3339, or "".
	ObserveAccount: {"TargetUserName", "TargetSid", "Groups", "State", "LastLogon", "PasswordLastSet", "Image", "TargetObject", "Details"},
	// Kind: a Trace… word. Image: the program, a path of the machine as far as the trace tells it. Hashes: as of a file.
	// Observation.Time: when it ran, or was last seen.
	ObserveTrace: {"Kind", "Image", "Hashes", "CommandLine", "User", "TargetObject", "Details"},
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
