package evidence

import (
	"context"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Kind says what sort of thing a target turned out to be. The values are the
// report contract's.
type Kind string

// The kinds of target.
const (
	KindHost       Kind = "host"       // this machine, running now
	KindTree       Kind = "tree"       // a mounted image, a copied tree, or an archive of one
	KindCollection Kind = "collection" // a triage collection with a marker of its own (KAPE, UAC, Velociraptor)
	KindLogs       Kind = "logs"       // one log or a pile of logs, nothing else
	KindURL        Kind = "url"        // a web address
	KindNetwork    Kind = "network"    // a vantage point
)

// OS is the operating system a source comes from; empty when nothing told.
type OS string

// The operating systems whose layouts are known.
const (
	Windows OS = "windows"
	Linux   OS = "linux"
)

// Source is one opened target. A nil part is absent, not broken: only which
// parts are nil separates a live host from an image, a pile of logs or a URL.
type Source struct {
	Target  string // what the operator named, as it was written
	Kind    Kind
	ID      Identity
	Files   Tree     // nil: no files (a URL)
	Volumes []Volume // where file systems stand in Files; empty for a pile of logs
	Partial bool     // a selection: a missing path means not collected, not absent
	Whole   bool     // every file in it is wanted, not only what Places name
	Alone   bool     // files that the operator named, and no machine: all that is asked is asked of them
	Sites   []Site   // web roots that are known already, as those the operator names
	State   State    // nil: no running state
	Net     Network  // nil: the network may not be touched
	Gaps    []Coverage
	Later   func() []Coverage // gaps that only reading told, asked for when all is read; nil: none
	Close   func() error      // never nil
}

// Identity is what is known about the examined machine, and why.
type Identity struct {
	Host     string         // host name; "" when nothing told
	OS       OS             // "" when nothing told
	Zone     *time.Location // nil: unknown; local times are then read as UTC and that is a gap
	ZoneFrom string         // where Zone comes from, for the report: "SYSTEM hive", "--time-zone", ...
	Captured time.Time      // when the evidence was taken; zero: not known (for KindHost: now)
	Elevated bool           // only meaningful for KindHost: running as root or administrator
}

// Volume is one file system of a source: what the examined machine called it
// and where it stands in the tree. Shadow copies are further volumes of their
// drive's mount, behind it.
type Volume struct {
	Mount string // "C:" on Windows, "/" on Linux
	Root  Name   // "." when the tree is the volume, "C" in a live host's or collection's tree
	Past  bool   // a shadow copy: an earlier state of the mount
}

// Locate translates a path of the examined machine ("C:\SmarterMail\Logs",
// "/opt/smartermail") to a name in Files. It is false when no volume carries
// the path. A Windows path without a drive is looked for on the first volume.
func (s *Source) Locate(path string) (Name, bool) {
	p := strings.TrimPrefix(strings.ReplaceAll(path, `\`, "/"), "//?/")
	drive := ""
	if len(p) >= 2 && p[1] == ':' {
		drive, p = p[:2], p[2:]
	}
	p = strings.Trim(p, "/")
	for _, v := range s.Volumes {
		if drive != "" && !strings.EqualFold(v.Mount, drive) {
			continue
		}
		if drive == "" && v.Mount != "/" && len(v.Mount) == 2 && s.ID.OS == Linux {
			continue
		}
		return v.Root.Join(p), true
	}
	return "", false
}

// Name is a file's path inside a Tree: slash-separated, relative, clean, "."
// for the root. It is bytes: not necessarily UTF-8.
type Name string

// Join adds a relative slash path below n.
func (n Name) Join(rel string) Name {
	rel = strings.Trim(rel, "/")
	switch {
	case rel == "" || rel == ".":
		return n
	case n == "." || n == "":
		return Name(rel)
	}
	return n + "/" + Name(rel)
}

// Base returns the last element of n.
func (n Name) Base() string {
	return string(n[strings.LastIndexByte(string(n), '/')+1:])
}

// Dir returns n without its last element, "." at the top.
func (n Name) Dir() Name {
	if i := strings.LastIndexByte(string(n), '/'); i > 0 {
		return n[:i]
	}
	return "."
}

// Within reports whether n is dir or stands below it. Case is not folded.
func (n Name) Within(dir Name) bool {
	return dir == "." || n == dir || strings.HasPrefix(string(n), string(dir)+"/")
}

// Tree is a read-only tree of files. Only package target implements it for
// evidence, and keeps every open below the root. Safe for concurrent use.
type Tree interface {
	// Walk calls fn for root and everything below it, parents before
	// children, siblings in byte order, each once under its own name and once
	// under each name that a link inside the tree gives it (Real is then set).
	// What could not be read comes as an Entry with Err set. fn may return
	// fs.SkipDir or fs.SkipAll. A root that is not there is an error for which
	// errors.Is(err, fs.ErrNotExist) holds; ctx's error is returned when it
	// ends.
	Walk(ctx context.Context, root Name, fn func(Entry) error) error
	// Open opens a regular file. Names fold case where the examined machine
	// did. Errors wrap fs.ErrNotExist, fs.ErrPermission or one of this
	// package's sentinels.
	Open(name Name) (File, error)
}

// Nester is a Tree that opens archives which lie in it.
type Nester interface {
	Tree
	// Inside opens an archive by what it holds, whatever it is called; nil without an
	// error is no archive. The faults say what of it is lost. The caller closes it,
	// before the tree.
	Inside(ctx context.Context, name Name) (Archive, []error, error)
}

// Archive is an archive as a tree.
type Archive interface {
	Nester
	io.Closer
}

// Entry is one name met on a walk.
type Entry struct {
	Name    Name
	Real    Name  // where it stands when a link led to Name; "" when Name is its own
	Size    int64 // bytes, as declared
	Mode    fs.FileMode
	ModTime time.Time // zero: not recorded
	Birth   time.Time // creation time on the examined machine's file system; zero: not recorded or not trustworthy (a copy)
	Changed time.Time // metadata change time (MFT change, ctime) on the examined machine's file system; zero as for Birth
	Err     error     // set: this name could not be read; for a directory its children are missing
}

// File is one open file of a tree.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64 // bytes that ReadAt can deliver; a shorter read is ErrTruncated
}

// State is the running state of a live host, or one as recorded.
type State interface {
	// Processes lists running processes. A partial list comes with an error.
	Processes(ctx context.Context) ([]Process, error)
	// Registry returns the Windows registry, nil on other systems.
	Registry() Registry
}

// Accounts is a State that tells the accounts of its system.
type Accounts interface {
	// Accounts lists the local accounts, and by SID alone who else is in a group
	// that lets in. A partial list comes with an error.
	Accounts(ctx context.Context) ([]Account, error)
}

// Account is a local account as a running Windows tells it.
type Account struct {
	Name          string   // "" of a member of a group that is no account of the machine
	SID           string   // "" when it could not be told
	Groups        []string // of those that let in, by their English names
	Disabled      bool
	Locked        bool
	NoPassword    bool // none is asked for
	PasswordStays bool // it never expires
	LastLogon     time.Time
	PasswordSet   time.Time // to the minute; zero: not known
}

// Process is one running program.
type Process struct {
	PID     int32
	Name    string // image base name
	Exe     string // path on the examined machine; "" when it could not be read
	Started time.Time
}

// Registry reads keys of a Windows registry, live or from hives.
type Registry interface {
	// Key reads one key: `HKLM\SYSTEM\CurrentControlSet\Services`. Case folds.
	// A missing key is an error for which errors.Is(err, fs.ErrNotExist) holds.
	Key(path string) (*RegistryKey, error)
}

// RegistryKey is one key, read whole.
type RegistryKey struct {
	Path    string
	Written time.Time // last write; zero: not known
	Subkeys []string  // names, in the registry's order
	Values  []RegistryValue
}

// Value returns the named value, folding case; zero value if there is none.
func (k *RegistryKey) Value(name string) RegistryValue {
	for _, v := range k.Values {
		if strings.EqualFold(v.Name, name) {
			return v
		}
	}
	return RegistryValue{}
}

// RegistryValue is one value of a key.
type RegistryValue struct {
	Name   string
	Type   uint32 // REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3, REG_DWORD 4, REG_MULTI_SZ 7, REG_QWORD 11
	Text   string // strings; multi-strings joined by "\n"
	Number uint64 // DWORD, QWORD
	Data   []byte // the raw bytes
}

// Network is permission to touch the network, narrowed to what the operator
// named. It can resolve and connect, nothing else, and only inside the scope.
type Network interface {
	// Resolve returns every address behind a host name (or the address itself).
	Resolve(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial opens a TCP connection to an address that Resolve returned for a
	// host in scope; anything else is ErrOutOfScope. It waits for the rate
	// the operator set for that host.
	Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	// Endpoint returns what the operator named.
	Endpoint() Endpoint
}

// Endpoint is the web address an operator named.
type Endpoint struct {
	Scheme string // "http", "https", or "" when none was given
	Host   string // name or address, without brackets
	Port   uint16 // 0: none given
	Path   string // as given, "/" at least
}
