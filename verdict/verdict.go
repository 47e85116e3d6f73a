// Package verdict judges: findings, installations and coverage go in, answers
// with reasons and gaps come out. It is a pure function of its arguments (no
// clock, no I/O), so the same evidence always gets the same answer.
//
// The law it keeps: a gap can make an answer unknown, and never no or
// none-seen (DESIGN: "silence is never safety").
package verdict

import (
	"time"

	"postern/evidence"
)

// Answer is one of the five answers; the questions are phrased so that yes is
// bad.
type Answer string

// The answers.
const (
	Yes         Answer = "yes"
	No          Answer = "no"
	NoneSeen    Answer = "none-seen"
	Unknown     Answer = "unknown"
	NotExamined Answer = "not-examined"
)

// Severity ranks a finding.
type Severity string

// The severities, as Sigma's levels name them.
const (
	Info     Severity = "info"
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Class tells what a finding proves.
type Class string

// The classes.
const (
	State   Class = "state"   // something is there: a file, a setting, a build
	Lead    Class = "lead"    // worth a look, proves nothing
	Scan    Class = "scan"    // somebody asked what runs here
	Attempt Class = "attempt" // somebody tried; the outcome is open
	Failed  Class = "failed"  // somebody tried, and the build at that moment was proven fixed
	Success Class = "success" // it worked
)

// Finding is one thing found, merged per rule and host.
type Finding struct {
	ID         string // stable: see FindingID
	Rule       string // Sigma id, YARA rule name, or the pack's indicator id
	Title      string
	Question   evidence.Parts
	Severity   Severity
	Confidence evidence.Confidence
	Class      Class
	Label      string // "known scanner: ...", "" for none; never lowers Class
	Count      int64  // all references, kept or not
	First      time.Time
	Last       time.Time
	Attack     []string       // ATT&CK technique ids
	Refs       []evidence.Ref // ascending by Ref.Compare; with Steps, in the order of their times
	Steps      bool           // Refs are the steps of one sequence
	Sources    []string       // where the knowledge behind the rule was published; URLs
	Next       string         // what to do about it, one sentence
	Vulns      []string       // CVEs whose exploitation it shows; nil: tied to none
	Open       bool           // for an attempt: the build at that moment was, or may have been, affected
}

// Sighting is one match of a rule, as it is made. Of tells the rule and the label
// at once. The rest of it may depend on the build of that moment, and is told
// only when the examination has ended; without a Class it came to nothing.
type Sighting struct {
	Ref evidence.Ref // with its Time, and the record's text
	Of  *Finding     // the same for all sightings that mean the same
}

// Status is what is known about one CVE on one installation.
type Status string

// The statuses.
const (
	Affected      Status = "affected"
	Fixed         Status = "fixed" // fixed, or never affected
	StatusUnknown Status = "unknown"
)

// Vulnerability is one CVE judged for one installation.
type Vulnerability struct {
	ID         string
	Title      string
	Status     Status
	FixedBuild int // first fixed build; 0: not stated by any source
	FixDate    time.Time
	Published  time.Time
	KEV        bool
	KEVAdded   time.Time // zero: not in KEV
	KEVDue     time.Time
	Ransomware bool
	Score      float64             // CVSS base score; 0: none
	Confidence evidence.Confidence // of the facts above, as the pack has them
	Window     *Window             // when this installation was exposed; nil: it never was, and WindowWhy says why
	WindowWhy  string              // only where Window is nil
}

// Window is a span of exposure. A zero To never occurs: an open window ends at
// the examination and Why says so.
type Window struct {
	From, To time.Time
	Why      string
	Open     bool // no trace of the fix: To is the examination
}

// Installation is an installation with its build decided and its CVEs judged.
type Installation struct {
	evidence.Installation
	Name            string // the product's name
	Version         string // as read, "" if unknown
	Build           int    // 0: unknown
	Confidence      evidence.Confidence
	BuildWhy        string    // why Build is what it is, or why it is unknown
	Disagree        bool      // its signals name different builds
	FixedAt         time.Time // when it became what it is; zero: no trace
	FixedWhy        string
	Behind          int // security builds behind the latest known; -1: not known
	Vulnerabilities []Vulnerability
}

// Asked is what the operator asked of one source.
type Asked struct {
	Parts    evidence.Parts // whole questions dropped by --only are missing here
	Kind     evidence.Kind
	OS       evidence.OS // "": not known
	Partial  bool
	Alone    bool            // of files that the operator named, and no machine
	Live     bool            // running state could be read
	Required evidence.Period // the required window; To is AsOf
	Review   evidence.Period // what --since and --until leave of the work; zero bounds are open
	AsOf     time.Time       // when the evidence was taken
	AsOfWhy  string
	Now      time.Time // the clock in force
	Packs    []PackAge
	MaxAge   time.Duration // a pack older than this turns no into unknown
}

// PackAge identifies a pack in a no.
type PackAge struct {
	ID, Revision string
	Date         time.Time
}

// Part is one answered part: now or then of compromised, or a whole question.
type Part struct {
	Answer  Answer
	Because []string
	Gaps    []string
}

// Answers are the four answers of a source or a host.
type Answers struct {
	Exposed     Part
	Compromised Compromise
	Reachable   Part
	Unprepared  Part
}

// Reading says in a word what the findings of now and then add up to. It is no
// answer: what could not be read may hold more.
type Reading string

// The readings, worst first.
const (
	Entered     Reading = "entered"               // proof stands among the findings
	Suspected   Reading = "possibly entered"      // a person has to look
	OpenAttempt Reading = "attempt, outcome open" // somebody tried what the build was, or may have been, affected by
	KnockedAt   Reading = "knocked at"            // scans, and attempts on what was proven fixed
	Untouched   Reading = ""                      // nothing of all that
)

// Compromise is the worse of now and then, with both.
type Compromise struct {
	Part
	Reading      Reading
	Now, Then    Part
	DaysCovered  int // days of the required window that every needed log family covered
	DaysRequired int
}
