package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"postern/verdict"
)

// MaxSize is the most bytes Read takes: a report with every reference of a
// large host stays below it.
const MaxSize = 256 << 20

// What callers branch on when a report cannot be read.
var (
	ErrNotReport = errors.New("report: not a postern report")
	ErrNewer     = errors.New("report: written by a newer postern")
	ErrChanged   = errors.New("report: changed after it was written")
	ErrTooLarge  = errors.New("report: too large")
	ErrCutShort  = errors.New("report: cut short")
)

//go:embed schema/postern.report-1.schema.json
var schema []byte

// JSONSchema returns the published JSON schema (2020-12) of the document.
func JSONSchema() []byte { return slices.Clone(schema) }

// Read reads one report and checks it: its schema version, that nothing follows
// it, that every answer is one of the five and every index holds, and that the
// body still has the hash run states, if it states one. Fields this version
// does not know are allowed: they may be added within a schema version.
func Read(r io.Reader) (*Report, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("report: read: %w", err)
	}
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: over %d MiB", ErrTooLarge, MaxSize>>20)
	}
	if err := checkSchema(text); err != nil {
		return nil, err
	}
	rep, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReport, err)
	}
	if err := rep.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotReport, err)
	}
	if rep.Run.BodySHA256 != "" {
		sum, err := bodyHash(text)
		if err != nil || sum != rep.Run.BodySHA256 {
			return nil, fmt.Errorf("%w: its body has the hash %s and run.body_sha256 says %s; take the original file", ErrChanged, sum, clean(rep.Run.BodySHA256))
		}
	}
	return rep, nil
}

// decode decodes a report, and remembers a field that this version does not
// know.
func decode(text []byte) (*Report, error) {
	var r Report
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(&r)
	if err == nil {
		return &r, nil
	}
	field, newer := strings.CutPrefix(err.Error(), "json: unknown field ")
	if !newer {
		return nil, err
	}
	r = Report{unknown: clean(strings.Trim(field, `"`))}
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// Unknown names a field that Read found and this version does not know: it is
// neither shown nor written again. It is "" when all were known.
func (r *Report) Unknown() string { return r.unknown }

// checkSchema looks at the schema field alone, so that a document of another
// version gets a message about its version.
func checkSchema(text []byte) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		if errors.Is(json.NewDecoder(bytes.NewReader(text)).Decode(&head), io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it ends in the middle, after %d bytes; take the whole file", ErrCutShort, len(text))
		}
		return fmt.Errorf("%w: %w", ErrNotReport, err)
	}
	if head.Schema == Schema {
		return nil
	}
	name, version, _ := strings.Cut(head.Schema, "/")
	ours, current, _ := strings.Cut(Schema, "/")
	n, err := strconv.Atoi(version)
	now, _ := strconv.Atoi(current)
	if name == ours && err == nil && n > now {
		return fmt.Errorf("%w: its schema is %s and this program reads %s; update postern", ErrNewer, head.Schema, Schema)
	}
	return fmt.Errorf("%w: its schema is %q, wanted %s", ErrNotReport, clean(head.Schema), Schema)
}

var answers = []verdict.Answer{verdict.Yes, verdict.No, verdict.NoneSeen, verdict.Unknown, verdict.NotExamined}

var readings = []verdict.Reading{verdict.Entered, verdict.Suspected, verdict.OpenAttempt, verdict.KnockedAt, verdict.Untouched}

// check holds what the types alone do not.
func (r *Report) check() error {
	if len(r.Targets) > 0 && len(r.Hosts) == 0 {
		return errors.New("targets without hosts")
	}
	for i := range r.Targets {
		if err := r.Targets[i].Answers.check(); err != nil {
			return fmt.Errorf("targets[%d]: %w", i, err)
		}
	}
	seen := make([]bool, len(r.Targets))
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if err := h.Answers.check(); err != nil {
			return fmt.Errorf("hosts[%d]: %w", i, err)
		}
		for _, t := range h.Targets {
			if t < 0 || t >= len(r.Targets) || seen[t] {
				return fmt.Errorf("hosts[%d]: no target %d, or one of two hosts", i, t)
			}
			seen[t] = true
		}
		if len(h.Targets) == 0 {
			return fmt.Errorf("hosts[%d]: no targets", i)
		}
	}
	if i := slices.Index(seen, false); i >= 0 {
		return fmt.Errorf("targets[%d] belongs to no host", i)
	}
	return nil
}

func (a *Answers) check() (err error) {
	a.Each(func(p *Part) {
		if !slices.Contains(answers, p.Answer) {
			err = fmt.Errorf("%q is not one of the five answers", clean(string(p.Answer)))
		}
	})
	if !slices.Contains(readings, a.Compromised.Reading) {
		return fmt.Errorf("%q is not a reading", clean(string(a.Compromised.Reading)))
	}
	return err
}
