// Package report is the durable result: the only thing that crosses a process
// or machine border (the document of DESIGN section 7 and its JSON schema).
// What people read of it is made in report/page.
//
// Every string that comes from evidence is masked (secrets become
// "[masked sha256:ab12cd34]") and escaped (control characters, bidirectional
// overrides and invalid UTF-8 become visible \x and \u forms) when it enters a
// report, and escaped once more when it is printed, since a report may have
// been read from a file. An escaped name can look like a name that really holds
// a backslash: the collector's coverage row has the same escaped path.
//
// Within a schema version fields may be added and never changed. Read takes at
// most MaxSize bytes.
package report

import (
	"time"

	"postern/evidence"
	"postern/verdict"
)

// Schema names the version of the document.
const Schema = "postern.report/1"

// Report is the document. Everything but Run is its body: the same evidence,
// packs and clock give the same bytes.
type Report struct {
	Schema  string   `json:"schema"`
	Tool    Tool     `json:"tool"`
	Targets []Target `json:"targets"` // in the order they were named
	Hosts   []Host   `json:"hosts"`
	Run     Run      `json:"run"`

	unknown string // a field that Read did not know
}

// Tool identifies what made the report.
type Tool struct {
	Version string   `json:"version"`
	Commit  string   `json:"commit"`
	Packs   []Pack   `json:"packs"`
	Refused []string `json:"refused,omitempty"` // the operator's own rules that could not be compiled
}

// Pack identifies a pack.
type Pack struct {
	ID       string `json:"id"`
	Revision string `json:"revision"`
	SHA256   string `json:"sha256"`
}

// Target is what was found at one target.
type Target struct {
	Target        string         `json:"target"` // as the operator wrote it
	Kind          evidence.Kind  `json:"kind"`
	Host          string         `json:"host"` // "" when nothing told
	OS            evidence.OS    `json:"os"`
	TimeZone      string         `json:"time_zone"` // "" when nothing told
	TimeZoneWhy   string         `json:"time_zone_why"`
	AsOf          *time.Time     `json:"as_of"` // when the evidence was taken
	AsOfWhy       string         `json:"as_of_why"`
	Partial       bool           `json:"partial"`  // a selection: a missing path means not collected
	Elevated      *bool          `json:"elevated"` // null but for a live host
	Examined      Span           `json:"examined"` // the required window: the period asked about
	Installations []Installation `json:"installations"`
	Answers       Answers        `json:"answers"`
	Findings      []Finding      `json:"findings"`
	Coverage      []Coverage     `json:"coverage"`
}

// Span is a period of time, From inclusive, To exclusive; null is open.
type Span struct {
	From *time.Time `json:"from"`
	To   *time.Time `json:"to"`
}

// Installation is one installed product.
type Installation struct {
	Product         string               `json:"product"`
	Name            string               `json:"name"`
	Path            string               `json:"path"`
	Build           *int                 `json:"build"` // null: unknown
	Version         string               `json:"version"`
	Confidence      evidence.Confidence  `json:"confidence"`
	BuildWhy        string               `json:"build_why"`
	Disagree        bool                 `json:"disagree"` // its signals name different builds
	Role            evidence.InstallRole `json:"role"`
	RoleWhy         string               `json:"role_why"`
	Behind          *int                 `json:"behind"` // security builds behind the latest known; null: unknown
	FixedAt         *time.Time           `json:"fixed_at"`
	FixedWhy        string               `json:"fixed_why"`
	Signals         []Signal             `json:"signals"`
	Changes         []Change             `json:"changes"`
	Notes           []string             `json:"notes"`
	Vulnerabilities []Vulnerability      `json:"vulnerabilities"`
}

// Signal is one reading of a build.
type Signal struct {
	Kind       evidence.SignalKind `json:"kind"`
	Version    string              `json:"version"` // as written; "" when the product was seen without a build
	Confidence evidence.Confidence `json:"confidence"`
	Ref        Ref                 `json:"ref"`
}

// Change is one trace of an update.
type Change struct {
	Kind evidence.ChangeKind `json:"kind"`
	At   *time.Time          `json:"at"`
	Ref  Ref                 `json:"ref"`
}

// Vulnerability is one CVE judged for one installation.
type Vulnerability struct {
	ID         string              `json:"id"`
	Title      string              `json:"title"`
	Status     verdict.Status      `json:"status"`
	FixedBuild *int                `json:"fixed_build"` // null: stated by no source
	FixDate    *time.Time          `json:"fix_date"`
	Published  *time.Time          `json:"published"`
	KEV        bool                `json:"kev"`
	KEVAdded   *time.Time          `json:"kev_added"` // CISA's catalog of known exploited vulnerabilities; null: not in it
	KEVDue     *time.Time          `json:"kev_due"`   // the day US agencies must have fixed it
	Ransomware bool                `json:"ransomware"`
	Confidence evidence.Confidence `json:"confidence"` // of these facts, as the pack has them
	Score      *float64            `json:"score"`      // CVSS base score
	Window     *Window             `json:"window"`     // null: never exposed, or not known
	WindowWhy  string              `json:"window_why"` // where window is null
}

// Window is a span of exposure.
type Window struct {
	Span
	Why  string `json:"why"`
	Open bool   `json:"open"` // no trace of the fix: To is the examination
}

// Answers are the four answers; all are always present.
type Answers struct {
	Exposed     Part       `json:"exposed"`
	Compromised Compromise `json:"compromised"`
	Reachable   Part       `json:"reachable"`
	Unprepared  Part       `json:"unprepared"`
}

// Part is one answered part: a whole question, or now or then of compromised.
type Part struct {
	Answer  verdict.Answer `json:"answer"`
	Because []string       `json:"because"`
	Gaps    []string       `json:"gaps"`
}

// Compromise is the worse of now and then, with both.
type Compromise struct {
	Part
	Reading      verdict.Reading `json:"reading"` // what the findings add up to: "entered", "possibly entered", "attempt, outcome open", "knocked at" or ""
	Now          Part            `json:"now"`
	Then         Part            `json:"then"`
	DaysCovered  int             `json:"days_covered"` // of the required window, by every log family that is needed
	DaysRequired int             `json:"days_required"`
}

// Finding is one thing found, merged per rule and host.
type Finding struct {
	ID         string              `json:"id"`
	Rule       string              `json:"rule"`
	Title      string              `json:"title"`
	Question   string              `json:"question"`       // a key of Answers
	Part       string              `json:"part,omitempty"` // "now", "then"; "" for a whole question
	Severity   verdict.Severity    `json:"severity"`
	Confidence evidence.Confidence `json:"confidence"`
	Class      verdict.Class       `json:"class"`
	Label      string              `json:"label"`
	Count      int64               `json:"count"` // all references, kept or not
	First      *time.Time          `json:"first"`
	Last       *time.Time          `json:"last"`
	Attack     []string            `json:"attack"`
	Vulns      []string            `json:"vulnerabilities"` // CVEs whose exploitation it shows
	Open       bool                `json:"open"`            // an attempt on a build that was, or may have been, affected
	Refs       []Ref               `json:"refs"`
	Steps      bool                `json:"steps,omitempty"`      // the refs are the steps of one sequence, in order
	References []string            `json:"references,omitempty"` // where the knowledge behind the rule was published
	Next       string              `json:"next"`
}

// Ref says where to look again. One of Line, Record and Offset is set, or none
// for a whole file.
type Ref struct {
	Collector string     `json:"collector"`
	Path      string     `json:"path"`
	Line      *int64     `json:"line,omitempty"`   // from 1
	Record    *int64     `json:"record,omitempty"` // from 1
	Offset    *int64     `json:"offset,omitempty"` // from 0
	Time      *time.Time `json:"time,omitempty"`   // when what stands there happened
	SHA256    string     `json:"sha256"`           // of the whole file; "" when it was not read whole
	Text      string     `json:"text"`
}

// Coverage says where somebody looked; with Missed set, where they could not.
type Coverage struct {
	Kind   evidence.CoverageKind `json:"kind"`
	Path   string                `json:"path"`
	Parts  []string              `json:"parts"` // "exposed", "compromised.now", ...
	Count  int64                 `json:"count"`
	Bytes  int64                 `json:"bytes"`
	From   *time.Time            `json:"from"`
	To     *time.Time            `json:"to"`
	SHA256 string                `json:"sha256"`
	Family string                `json:"family"`
	Missed *string               `json:"missed"` // "reason: detail"
	Series *Series               `json:"series,omitempty"`
}

// Series sums up the logs of one family in one folder, on its log-family row.
type Series struct {
	Files        int    `json:"files"`
	Unread       int64  `json:"unread"`        // lines or records not understood
	Cleared      int64  `json:"cleared"`       // records that say that somebody cleared a log
	DaysCovered  int    `json:"days_covered"`  // of the required window, by logs read whole
	DaysRequired int    `json:"days_required"` // 0: no pack sets a window
	DaysMissing  int    `json:"days_missing"`  // inside a series that is written daily
	Missing      string `json:"missing"`       // which these are
	Low          int    `json:"level_low"`     // logs written at too low a level
	Unzoned      int    `json:"no_zone"`       // logs in local times of an unknown zone
	Broken       int    `json:"broken"`        // logs not, or not wholly, read
}

// Host is the merged answers of one host, worst first.
type Host struct {
	Host    string  `json:"host"`    // a target's name where no host name is known
	Targets []int   `json:"targets"` // indices into Report.Targets
	Answers Answers `json:"answers"`
}

// Run holds what differs from run to run.
type Run struct {
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended"`
	Resumed    bool      `json:"resumed"`
	Cancelled  bool      `json:"cancelled"` // ended early: what was left is a gap
	Machine    string    `json:"machine"`   // where postern ran
	Limits     []string  `json:"limits"`    // limits of clock or operator that were hit
	BodySHA256 string    `json:"body_sha256"`
}
