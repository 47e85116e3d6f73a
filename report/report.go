// Package report is the durable result: the only thing that crosses a process
// or machine border, and its renderings.
package report

import (
	"time"

	"postern/evidence"
	"postern/verdict"
)

// Schema names the version of the document.
const Schema = "postern.report/1"

// Report is the document of DESIGN section 7.
type Report struct {
	Schema  string   `json:"schema"`
	Tool    Tool     `json:"tool"`
	Targets []Target `json:"targets"`
	Hosts   []Host   `json:"hosts"`
	Run     Run      `json:"run"`
}

// Tool identifies what made the report.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Packs   []Pack `json:"packs"`
}

// Pack identifies a pack.
type Pack struct {
	ID       string `json:"id"`
	Revision string `json:"revision"`
	SHA256   string `json:"sha256"`
}

// Target is what was found at one target.
type Target struct{}

// Host is the merged answers of one host.
type Host struct{}

// Run holds what differs from run to run; it is outside the report's hash.
type Run struct {
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
}

// NewTarget renders one source's results.
func NewTarget(src *evidence.Source, asked verdict.Asked, installs []verdict.Installation, findings []verdict.Finding, cover []evidence.Coverage, answers verdict.Answers) Target {
	return Target{}
}

// Finish sorts targets, merges hosts and returns the document.
func Finish(tool Tool, targets []Target, run Run) *Report {
	return &Report{Schema: Schema, Tool: tool, Targets: targets, Run: run}
}
