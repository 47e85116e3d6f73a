package evidence

import "time"

// Confidence is how sure a fact is.
type Confidence string

// The shades of confidence, in the dossier's words: confirmed, single source,
// unsure.
const (
	Confirmed Confidence = "confirmed"
	Likely    Confidence = "likely"
	Unsure    Confidence = "unsure"
)

// InstallRole tells an installation that serves from one that only lies there.
type InstallRole string

// The roles of an installation.
const (
	Active      InstallRole = "active"  // a service, unit, container or process runs it, or a page serves it
	Copy        InstallRole = "copy"    // a backup or an unpacked installer: nothing runs it, and its place says copy
	RoleUnknown InstallRole = "unknown" // looks like an installation; nothing says whether it runs
)

// Installation is one installed product as a collector or probe found it,
// with every reading of its build. Which reading wins, and what it means, is
// judged elsewhere.
type Installation struct {
	Product string // Product.ID
	Path    string // the program folder as on the source, a compose file, or a URL
	Role    InstallRole
	RoleWhy string // what says so: "service MailService", "folder name contains backup"
	Signals []Signal
	Changes []Change // traces of when the installation became what it is
	Notes   []string // what the operator must know and no other field says
}

// SignalKind says how a build was read.
type SignalKind string

// The kinds of signal, strongest first.
const (
	SignalProgram   SignalKind = "program"   // version resource of the main program
	SignalLibrary   SignalKind = "library"   // version resource of a library beside it
	SignalAssembly  SignalKind = "assembly"  // .NET assembly table
	SignalPattern   SignalKind = "pattern"   // version string found in a file's bytes
	SignalPage      SignalKind = "page"      // a served page or API
	SignalUninstall SignalKind = "uninstall" // DisplayVersion of the uninstall entry
	SignalContainer SignalKind = "container" // image tag
	SignalBanner    SignalKind = "banner"    // a mail protocol's greeting
	SignalPresence  SignalKind = "presence"  // says the product is here and nothing of its build
)

// Signal is one reading. Version is as written ("100.0.9413.30415",
// "9504 (Jan 8, 2026)"); empty means the product was seen without a build.
type Signal struct {
	Kind       SignalKind
	Version    string
	Confidence Confidence
	Ref        Ref
}

// ChangeKind says what trace of an update was read.
type ChangeKind string

// The kinds of trace.
const (
	ChangeInstallDate ChangeKind = "InstallDate"   // uninstall entry; a day
	ChangeBirth       ChangeKind = "file birth"    // MFT or inode birth of a program file
	ChangeMetadata    ChangeKind = "file change"   // MFT or inode change of a program file
	ChangeRegistry    ChangeKind = "key written"   // last write of the uninstall key
	ChangeProcess     ChangeKind = "process start" // the running process began
	ChangeCompiled    ChangeKind = "file modified" // the shipped file's modification time: earliest possible only
)

// Change is one trace of an update. At is the latest instant the trace allows
// (a day-only date gives that day's end).
type Change struct {
	Kind ChangeKind
	At   time.Time
	Ref  Ref
}
