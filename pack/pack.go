// Package pack loads advisory packs: strict, declarative data about one
// product and its advisories (DESIGN: "the next advisory is a folder"). It
// holds no engine. Loading refuses whatever would be silent later.
package pack

import (
	"regexp"
	"time"

	"postern/evidence"
	"postern/version"
)

// Pack is one loaded pack, runtime form: every pattern compiled, every range
// parsed, every example checked.
type Pack struct {
	ID              string
	Revision        string
	Date            time.Time // the revision's day
	SHA256          string    // over every file's name and bytes, in name order
	Title           string
	References      []string
	Scheme          version.Scheme
	Latest          Latest
	Product         evidence.Product
	Starts          *regexp.Regexp  // log message that says the product started, over RoleMessage
	Vulnerabilities []Vulnerability // KEV entries first, then by publication, newest first
	Logs            []evidence.LogFormat
	Windows         []EventLog
	Places          []evidence.Place
	Indicators      []Indicator
	Sigma           []SigmaFile
	YARA            []TextFile
	Checks          []Check
	Tests           []Test
	Playbook        []byte    // CACAO 2.0; nil: none
	RequiredFrom    time.Time // start of the required window: earliest safe start of the vulnerabilities in KEV
}

// Latest is the newest build known to the pack.
type Latest struct {
	Version    version.Version
	Seen       time.Time
	Source     string
	Confidence evidence.Confidence
}

// Vulnerability is one CVE of the pack, read from its CSAF documents.
type Vulnerability struct {
	ID         string
	Title      string
	CWE        string
	Score      float64         // highest CVSS base score stated
	Affected   []version.Range // affected when any holds
	Fixed      version.Version // first fixed; zero: not stated
	FixDate    time.Time
	Published  time.Time
	KEVAdded   time.Time // zero: not in KEV
	KEVDue     time.Time
	Ransomware bool
	SafeStart  time.Time // earliest of patch diffable, found, first used
	StartWhy   string
	Confidence evidence.Confidence
	References []string
}

// Direction says who contacted whom for a network indicator.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"  // they came to us: an attempt at most
	Outbound Direction = "outbound" // we went to them
	Either   Direction = "either"
)

// IndicatorKind says what an indicator is held against.
type IndicatorKind string

// The kinds of indicator.
const (
	OnFile    IndicatorKind = "file"    // Place's files, by Name and tests of content
	OnFolder  IndicatorKind = "folder"  // Place's folders
	OnHash    IndicatorKind = "hash"    // files of every place that asks for hashes
	OnPeer    IndicatorKind = "peer"    // addresses and domains in events
	OnSigma   IndicatorKind = "sigma"   // events, by a Sigma rule; Match is not read
	OnYARA    IndicatorKind = "yara"    // content, by a YARA rule; Match is not read
	OnSetting IndicatorKind = "setting" // settings files, by a Check; Match is not read
)

// Indicator is one thing to look for.
type Indicator struct {
	ID         string
	Title      string
	Kind       IndicatorKind
	Parts      evidence.Parts
	Class      string // verdict.Class value when nothing in Outcomes matches
	Severity   string
	Confidence evidence.Confidence
	Vulns      []string // CVEs whose exploitation it shows
	Attack     []string
	Next       string
	Label      string    // "known scanner: ..." for a finding's label; never lowers its class
	Sources    []string  // where it was published
	FirstSeen  time.Time // zero: not stated
	ValidFrom  time.Time // with ValidUntil, for OnPeer: outside it a sighting is a lead
	ValidUntil time.Time // the first instant after the last day; zero: open, as ValidFrom
	Match      Match
}

// Match is what an indicator is held against; which fields count depends on its
// Kind. The tests themselves are HoldsPath, HoldsContent and HoldsPeer: the loader
// checks every indicator's examples with them, and detect calls the same functions,
// so that an example that passes here fires there.
type Match struct {
	Place     string         // Place.ID for OnFile, OnFolder
	Name      *regexp.Regexp // over the machine's path as Place.Paths sees it; nil: any in Place
	Paths     []string       // of a list: whole paths, as Place.Paths sees them
	Except    *regexp.Regexp // over the same path: these are not meant; nil: none
	Magic     [][]byte       // content starts with any of these; nil: any
	Hashes    []string       // lower-case hex SHA-256
	Peers     []string       // addresses, CIDRs, domains (exact host; ".example.org" for subdomains too)
	Direction Direction
}
