// Package detect compiles packs into an Engine and holds evidence against it:
// observations and events in, findings out. It opens no file: content comes as
// an io.ReaderAt that a collector opened.
package detect

import (
	"time"

	"postern/evidence"
	"postern/pack"
	"postern/verdict"
)

// Options are what the operator adds to the packs.
type Options struct {
	Now         time.Time         // the clock in force
	Parts       evidence.Parts    // what is asked
	Review      evidence.Period   // --since, --until; zero bounds: the required window
	LatestBuild map[string]string // pack id to the newest build the operator knows of
	UserAgent   string            // what probes say they are
	AllRefs     bool              // keep every reference instead of the first twenty
}

// Refusal is one rule of the operator's own that could not be compiled.
type Refusal struct{ Rule, File, Why string }

// Engine is compiled packs. Safe for concurrent use by several examinations.
type Engine struct {
	packs []*pack.Pack
	opt   Options
}

// Compile compiles packs. An error means that a pack as a whole can't be used.
func Compile(packs []*pack.Pack, opt Options) (*Engine, []Refusal, error) {
	return &Engine{packs: packs, opt: opt}, nil, nil
}

// Interest is what the packs want to know, merged.
func (e *Engine) Interest() *evidence.Interest { return &evidence.Interest{} }

// Begin starts holding one source's evidence against the packs.
func (e *Engine) Begin(src *evidence.Source) *Examination { return &Examination{} }

// Examination is the evidence.Sink of one source.
type Examination struct{}

// Lane opens a lane. See evidence.Sink.
func (x *Examination) Lane(evidence.Ref) evidence.Lane { return nil }

// Cover takes a coverage row. See evidence.Sink.
func (x *Examination) Cover(evidence.Coverage) {}

// Coverage returns all rows so far, by kind, path and position.
func (x *Examination) Coverage() []evidence.Coverage { return nil }

// Result folds everything seen into findings and judged installations. asOf
// is when the evidence was taken: open windows end there.
func (x *Examination) Result(asOf time.Time) Result { return Result{} }

// Result is what one source gave.
type Result struct {
	Installations []verdict.Installation
	Findings      []verdict.Finding
	Coverage      []evidence.Coverage
}
