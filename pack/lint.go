package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"regexp/syntax"
	"slices"
	"time"

	"postern/pack/strict"
)

// The kinds of warning: nothing that refuses a pack, all of it worth a look.
var (
	errSlow   = errors.New("slow pattern")
	errFuture = errors.New("day in the future")
	errOld    = errors.New("old revision")
	errThin   = errors.New("says too little")
)

// staleAfter is the age at which a pack turns an answer of no into unknown,
// unless the operator says otherwise (DESIGN section 1).
const staleAfter = 90 * 24 * time.Hour

// Lint loads a pack as Load does and says what else its author should look at.
// now is the clock that days are compared with.
func Lint(fsys fs.FS, now time.Time) (*Pack, []*Fault, error) {
	content, err := readAll(fsys)
	if err != nil {
		return nil, nil, err
	}
	l := newLoader(content)
	l.now = now
	l.load(content)
	if err := l.faults.Err(); err != nil {
		return nil, l.notes.Sorted(), err
	}
	return l.pack, l.notes.Sorted(), nil
}

// note adds a warning; Load drops them.
func (f *file) note(at place, kind error, format string, args ...any) {
	f.notes.Add(fault(f.Name, at.Line, at.Column, fmt.Errorf("%w: %w", kind, fmt.Errorf(format, args...))))
}

// past notes a day that has not come.
func (l *loader) past(f *file, days ...day) {
	for _, d := range days {
		if d.After(l.now) {
			f.note(d.At, errFuture, "%s", d.Format(time.DateOnly))
		}
	}
}

// dated notes a day that is missing where readers want one, or lies ahead.
func (l *loader) dated(f *file, id text, seen day) {
	if seen.IsZero() {
		f.note(id.At, errThin, "%s has no first_seen", id.Value)
	}
	l.past(f, seen)
}

// noteAge notes a pack that makes answers unknown.
func (l *loader) noteAge(f *file, date day) {
	if age := l.now.Sub(date.Time); age > staleAfter {
		f.note(date.At, errOld, "%d days; from %d on a build above every fix reads unknown, not no", int(age.Hours()/24), int(staleAfter.Hours()/24))
	}
}

// quick notes a pattern that is slow where it is held against much.
func (f *file) quick(p pattern) {
	if p.Regexp == nil {
		return
	}
	tree, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil {
		return // it was compiled before
	}
	tree = tree.Simplify()
	switch {
	case openEnd(tree, 0) || openEnd(tree, -1):
		f.note(p.At, errSlow, "%s begins or ends with what matches anything; leave that off", p)
	case size(tree) > maxSize:
		f.note(p.At, errSlow, "%s repeats too much", p)
	}
}

// maxSize is the number of parts, repetitions written out, of a pattern that
// is still quick.
const maxSize = 2000

func size(re *syntax.Regexp) int {
	n := 1
	for _, sub := range re.Sub {
		n += size(sub)
	}
	return n
}

// openEnd reports whether the first part of a pattern, or at -1 the last, is
// one like .* that no anchor holds.
func openEnd(re *syntax.Regexp, at int) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpPlus:
		return slices.Contains([]syntax.Op{syntax.OpAnyChar, syntax.OpAnyCharNotNL}, re.Sub[0].Op)
	case syntax.OpConcat:
		if at < 0 {
			at = len(re.Sub) - 1
		}
		return openEnd(re.Sub[at], at)
	}
	return false
}

// reKey is a Sigma field that is compared by a regular expression.
var reKey = regexp.MustCompile(`\|re(\||$)`)

// quickSigma notes the slow patterns of a rule's searches. What cannot be
// compiled is the engine's to refuse.
func (f *file) quickSigma(detection *strict.Opaque) {
	detection.Each(func(key string, value text) {
		if re, err := regexp.Compile(value.Value); reKey.MatchString(key) && err == nil {
			f.quick(pattern{Regexp: re, At: value.At})
		}
	})
}
