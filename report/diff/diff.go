// Package diff tells what changed between two reports of the same hosts:
// answers, readings, installations, findings, and what was read.
//
// A finding that is gone is "no longer seen", never "fixed"; where less was
// read than before, it says that too, for then nothing follows from its
// absence. An answer that got better while less was read is no improvement.
package diff

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"postern/report"
	"postern/verdict"
)

// Schema names the version of the document. Within a version fields may be
// added and never changed.
const Schema = "postern.diff/1"

//go:embed schema/postern.diff-1.schema.json
var schema []byte

// JSONSchema returns the published JSON schema (2020-12) of the document.
func JSONSchema() []byte { return slices.Clone(schema) }

// Diff is the document.
type Diff struct {
	Schema   string `json:"schema"`
	Old      Side   `json:"old"`
	New      Side   `json:"new"`
	Hosts    []Host `json:"hosts"`
	Worse    bool   `json:"worse"`     // on any host
	LessRead bool   `json:"less_read"` // on any host: what is better or gone there proves nothing
}

// Side identifies one of the two reports.
type Side struct {
	Version    string    `json:"version"`
	Packs      []string  `json:"packs"`
	Started    time.Time `json:"started"`
	BodySHA256 string    `json:"body_sha256"`
}

// Host is what changed on one host.
type Host struct {
	Host          string         `json:"host"`
	In            Presence       `json:"in"`
	Answers       []Answer       `json:"answers"` // those that changed
	Reading       *Reading       `json:"reading"` // null: the same
	Installations []Installation `json:"installations"`
	CVEs          []CVE          `json:"vulnerabilities"` // those whose status changed
	Findings      []Finding      `json:"findings"`
	Gained        []Row          `json:"gained"` // read now and not, or not as far, before
	Lost          []Row          `json:"lost"`   // read before and not, or not as far, now
	DaysCovered   [2]int         `json:"days_covered"`
	Worse         bool           `json:"worse"`
	LessRead      bool           `json:"less_read"`
}

// Presence says which of the reports has a host.
type Presence string

// The presences.
const (
	Both    Presence = "both"
	OnlyOld Presence = "old" // not examined again: nothing is known about it now
	OnlyNew Presence = "new"
)

// Change says in which direction something changed.
type Change string

// The changes.
const (
	Worse        Change = "worse"
	Better       Change = "better"
	NotCompared  Change = "not comparable" // one of the two was not examined
	Added        Change = "new"
	Changed      Change = "changed"
	NoLongerSeen Change = "no longer seen"
)

// Answer is an answer that changed.
type Answer struct {
	Question string         `json:"question"` // "exposed", "compromised", "compromised.now", ...
	Old      verdict.Answer `json:"old"`
	New      verdict.Answer `json:"new"`
	Change   Change         `json:"change"`
	LessRead bool           `json:"less_read"` // of what bears on it
}

// Reading is a reading that changed.
type Reading struct {
	Old    verdict.Reading `json:"old"`
	New    verdict.Reading `json:"new"`
	Change Change          `json:"change"`
}

// Installation is one that came, went or has another build.
type Installation struct {
	Product string `json:"product"`
	Path    string `json:"path"`
	Change  Change `json:"change"`
	Old     *int   `json:"old"` // the build; null: none, or unknown
	New     *int   `json:"new"`
}

// CVE is one whose status changed on an installation of a host that both
// reports have; Old is empty where the installation is new.
type CVE struct {
	ID   string         `json:"id"`
	Path string         `json:"path"`
	Old  verdict.Status `json:"old"`
	New  verdict.Status `json:"new"`
}

// Finding is one that came, changed or is no longer seen.
type Finding struct {
	ID       string           `json:"id"`
	Rule     string           `json:"rule"`
	Title    string           `json:"title"`
	Severity verdict.Severity `json:"severity"`
	Class    verdict.Class    `json:"class"`
	Change   Change           `json:"change"`
	LessRead bool             `json:"less_read"` // of what could show it again
	What     []string         `json:"what"`      // what changed about it
}

// Row is something that was read on one side only, or further on it.
type Row struct {
	Kind string `json:"kind"`
	Path string `json:"path"`
	What string `json:"what"`
	// Bears are the parts of the answers it bears on.
	Bears []string `json:"bears_on"`
}

// Compare tells what changed from old to new.
func Compare(old, now *report.Report) *Diff {
	d := &Diff{Schema: Schema, Old: side(old), New: side(now), Hosts: []Host{}}
	taken := make([]bool, len(now.Hosts))
	for i := range old.Hosts {
		h := &old.Hosts[i]
		if k := find(now, h.Host, taken); k >= 0 {
			taken[k] = true
			d.Hosts = append(d.Hosts, compare(newView(old, h), newView(now, &now.Hosts[k])))
		} else {
			d.Hosts = append(d.Hosts, compare(newView(old, h), nil))
		}
	}
	for i := range now.Hosts {
		if !taken[i] {
			d.Hosts = append(d.Hosts, compare(nil, newView(now, &now.Hosts[i])))
		}
	}
	for _, h := range d.Hosts {
		d.Worse, d.LessRead = d.Worse || h.Worse, d.LessRead || h.LessRead
	}
	return d
}

func side(r *report.Report) Side {
	s := Side{Version: r.Tool.Version, Packs: []string{}, Started: r.Run.Started, BodySHA256: r.Run.BodySHA256}
	for _, p := range r.Tool.Packs {
		s.Packs = append(s.Packs, p.ID+" "+p.Revision)
	}
	return s
}

// find is the first host of that name which is not taken yet, or -1.
func find(r *report.Report, host string, taken []bool) int {
	for i := range r.Hosts {
		if !taken[i] && strings.EqualFold(r.Hosts[i].Host, host) {
			return i
		}
	}
	return -1
}

// WriteJSON writes the document, indented.
func (d *Diff) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		return fmt.Errorf("diff: write: %w", err)
	}
	return nil
}
