package evidence

import (
	"net/netip"
	"regexp"
	"time"
)

// Interest is what the loaded packs want to know, merged: one walk and one
// request set serve every pack. Collectors see plain data and bytes, never a
// pack, a rule or a literal's owner.
type Interest struct {
	Products  []Product
	Logs      []LogFormat
	Places    []Place
	Required  Period         // the required window: never narrowed
	Review    Period         // the work: what --since and --until leave of Required; zero bounds are open
	Parts     Parts          // what was asked (--only)
	Proxies   []netip.Prefix // what these peers say of their clients is believed; IPv4 as such
	UserAgent string         // what probes say they are

	Recover bool // search the space that logs no longer use for records, too
}

// Period is a span of time, From inclusive, To exclusive; a zero bound is open.
type Period struct{ From, To time.Time }

// Holds reports whether t lies in p.
func (p Period) Holds(t time.Time) bool {
	return (p.From.IsZero() || !t.Before(p.From)) && (p.To.IsZero() || t.Before(p.To))
}

// Product is how to find one product and read its build.
type Product struct {
	ID       string
	Name     string
	Folders  []string         // default program folders, as the machine writes them: `C:\Program Files (x86)\SmarterTools\SmarterMail`, `/opt/smartermail`
	Data     []string         // folders whose presence without a program means the product was here
	Services []string         // service and unit names, case folded
	Programs []ProgramFile    // files whose build is the product's, strongest first
	Images   []*regexp.Regexp // container image references; submatch 1, if any, is the build
	Uninst   []*regexp.Regexp // uninstall DisplayName
	CopyName *regexp.Regexp   // a path element that marks a copy: backup, old, ...
	Own      *regexp.Regexp   // text in the product's folder names and programs, which another vendor's program of the same name lacks; nil: names alone tell
	Web      *PageRecipe      // nil: no web face
	Inner    []string         // subfolders of the program folder that hold Programs ("Service", ".")
}

// ProgramFile is one file that states the product's build.
type ProgramFile struct {
	Name    string         // base name, case folded
	Kind    SignalKind     // SignalProgram or SignalLibrary
	Marker  bool           // a folder holding it looks like the product
	Pattern *regexp.Regexp // fallback over the raw bytes (ASCII and UTF-16LE); nil: none
}

// PageRecipe is how to ask a URL what it serves: GET only, in order.
type PageRecipe struct {
	Ports    []Port
	Requests []PageRequest
}

// Port is one port a product's web face is known to stand on.
type Port struct {
	Number uint16
	TLS    bool
}

// PageRequest is one GET and how to read its answer.
type PageRequest struct {
	Path    string
	Product []*regexp.Regexp // any match over the body says the product is here
	Builds  []BuildPattern
	Cluster *regexp.Regexp // a match says that the host has partners
	Host    *regexp.Regexp // submatch 1: the host name it states
	OS      *regexp.Regexp // submatch 1: W or L
}

// BuildPattern reads a build off a body; submatch 1 is the version as written.
type BuildPattern struct {
	Regexp     *regexp.Regexp
	Ticks      bool // submatch 1 is .NET ticks of the compile time
	Confidence Confidence
}

// Place is a set of files to observe, on the examined machine's own paths.
type Place struct {
	ID      string
	OS      OS               // "" for any
	Paths   []*regexp.Regexp // over the machine's path, lower case, slashes forward: `c:/inetpub/wwwroot/x.aspx`, `/etc/cron.d/x_0`
	Files   map[string]bool  // paths of the machine, written as Paths sees them
	Names   map[string]bool  // base names of files, lower case, wherever they lie
	Roots   []string         // folders that must be covered for the place to count as looked at: `C:\inetpub\wwwroot`; absent on a whole tree is fine, on a partial one a gap
	Sites   []*regexp.Regexp // over the path below a web root, lower case, beginning with a slash: such files are wanted in every Site, wherever it lies
	Every   bool             // every regular file of a Source that is Whole
	Folders bool             // directories are wanted too
	NoFiles bool             // and nothing else
	Hash    bool             // SHA-256 wanted
	MD5     bool             // with Hash: MD5 wanted, too
	SHA1    bool             // with Hash: SHA-1 wanted, too
	Content int64            // bytes of content wanted for matching; 0: none
	Parts   Parts
}

// LogFormat is one log format of a product or of the machine.
type LogFormat struct {
	ID      string           // "smartermail.administrative", "iis.w3c"
	Family  string           // "SmarterMail administrative", "web access"
	Layout  string           // how it is cut: "w3c", "lines", "ncsa", "json", "syslog" or "journal"
	Names   []*regexp.Regexp // base names, case folded; submatch "date" gives the day, "hour" says that a file holds one hour; nil: by content only
	Inside  *regexp.Regexp   // over the folder it lies in, case folded, slashes forward; nil: anywhere
	DateFmt string           // Go layout of submatch "date"
	Stamps  string           // Go layout of fields of type Stamp; "": what is usual
	Zone    LogZone
	Folders []string       // where it lies by default, as the machine writes it
	Sniff   *regexp.Regexp // over the first KiB: the content test
	Forms   []LineForm     // for "lines": tried in order
	Cont    *regexp.Regexp // a line that continues the record before it; nil: none
	Low     *regexp.Regexp // over a record: a log of nothing else was written at a level of exceptions only; nil: nothing tells
	Source  LogSource
	Service map[string]string // services, by the program that a line names, lower case; "" for all others
	Serves  *regexp.Regexp    // over the path of a page that was delivered: a log without one such tells of other sites, and counts to no family; nil: it always counts
	Shared  bool              // other programs' files lie beside it under names as plain: what it is, its content tells
	Daily   bool              // one file a day: a missing day is a hole
	Need    bool              // must be covered over the required window for then to be none-seen
	Parts   Parts
}

// LogZone says whose clock a log's times show.
type LogZone string

// The zones a log may be written in.
const (
	ZoneHost LogZone = "host"
	ZoneUTC  LogZone = "utc"
)

// LineForm cuts a line by position: literal text between fields, each field
// running to the next literal, the last to the line's end. "{time} [{c-ip}]
// [{cs-session}] {message}". A typed field must parse or the form is refused:
// time (HH:MM:SS[.mmm]), ip; plain names take any bytes.
type LineForm struct {
	Fields []FormField
	Schema *Schema // shared by every reader: names and roles
}

// FormField is one field of a form.
type FormField struct {
	Before string // literal that stands before it
	Name   string
	Type   FieldType
}

// FieldType constrains what a field may hold.
type FieldType uint8

// The field types.
const (
	AnyText   FieldType = iota
	ClockTime           // HH:MM:SS with optional milliseconds
	IPAddress
	Stamp // a day and a clock in one: by Stamps of the format, else RFC 3339 and what is close to it, an access log's time, or seconds since 1970
)
