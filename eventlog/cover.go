package eventlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"postern/evidence"
)

func countLines(block []byte) int { return bytes.Count(block, []byte("\n")) }

// gap covers something missed of a log, whose format may be nil.
func (l *log) gap(path string, format *evidence.LogFormat, reason evidence.Reason, detail string) {
	row := l.row(path, format)
	row.Missed = &evidence.Missed{Reason: reason, Detail: detail}
	l.out.Cover(row)
}

func (l *log) row(path string, format *evidence.LogFormat) evidence.Coverage {
	row := evidence.Coverage{Kind: evidence.CoverLog, Path: path, Parts: evidence.CompromisedThen}
	if format != nil {
		row.Format = format.ID
		row.Parts = cmp.Or(format.Parts, row.Parts)
		if format.Family != "" {
			row.Family = format.Family + " " + l.in.Folder
		}
	}
	return row
}

// cover gives the rows of one log.
func (l *log) cover(got result, sum string) {
	if got.win != nil {
		l.coverWindows(got, sum)
		return
	}
	if got.json != nil {
		l.coverExport(got, sum)
		return
	}
	if got.format != nil && got.bytes > 0 {
		row := l.row(got.path, got.format)
		row.Count, row.Bytes, row.SHA256 = got.events, got.bytes, sum
		row.From, row.To, row.Unread = got.from, got.to, got.misread+got.short+got.long
		row.Days, row.Hours = got.vouched()
		row.Peers = got.peers.Told()
		for _, d := range slices.Sorted(maps.Keys(got.hours)) {
			row.Busy = append(row.Busy, evidence.BusyDay{Day: d, Hours: got.hours[d]})
		}
		if got.serves != nil {
			row.Family = "" // of other sites, as far as it tells
		}
		l.out.Cover(row)
	}
	if reason, detail := l.lost(got); reason != "" {
		format := got.format
		if format == nil {
			format = l.guess()
		}
		l.gap(got.path, format, reason, detail)
	}
	if got.onlyLow() {
		row := l.row(got.path, got.format)
		row.Missed = &evidence.Missed{Reason: evidence.LowLevel, Detail: "every record tells of a failure: the level may be \"Exceptions only\", and what went well was then not written"}
		if !got.format.Need {
			row.Parts = 0 // the product's own choice for most logs
		}
		l.out.Cover(row)
	}
	if got.zone && !got.from.IsZero() {
		l.gap(got.path, got.format, evidence.NoZone, "local times were read as UTC; say where the host stood (--time-zone)")
	}
}

// vouched gives the days a log answers for, and of a log of an hour the hours;
// see Read.
func (r *result) vouched() (days []evidence.Day, hours []uint32) {
	if r.named && r.hourly && r.format.Daily {
		days = slices.Sorted(maps.Keys(r.hours))
		for _, d := range days {
			hours = append(hours, r.hours[d])
		}
		return days, hours
	}
	days = slices.Sorted(maps.Keys(r.days))
	if r.named && r.format.Daily {
		day := evidence.DayOf(r.day)
		if _, seen := r.days[day]; seen && days[0] >= day-1 && days[len(days)-1] <= day+1 {
			return []evidence.Day{day}, nil
		}
	}
	return days, nil
}

// lost says what was lost of a log: the worst reason, and all in words; ""
// when nothing was.
func (l *log) lost(got result) (reason evidence.Reason, detail string) {
	var words []string
	lose := func(when bool, why evidence.Reason, format string, args ...any) {
		if when {
			reason = cmp.Or(reason, why)
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	known, whole := got.format != nil, got.err == nil && got.lane == nil
	lose(got.lane != nil, evidence.ReasonFor(got.lane), "not taken further: %v", got.lane)
	lose(got.err != nil, l.reason(got.err), "after %d lines: %v", got.lines, got.err)
	lose(whole && (got.bytes == 0 || known && got.lines == got.blank && got.nulAt == 0), evidence.Truncated, "empty")
	lose(whole && got.bytes > 0 && !known, evidence.Format, "no log format fits %q", got.path)
	lose(known && got.misread > 0 && got.events == 0, evidence.Format, "no line reads as %s", formatID(got.format))
	lose(got.nulAt > 0, evidence.Truncated, "NUL bytes from line %d on, as a crash leaves them", got.nulAt)
	lose(got.cut, evidence.Truncated, "the last line is cut")
	lose(got.misread > 0, evidence.Damaged, "%d lines not understood, the first is line %d", got.misread, got.misreadAt)
	lose(got.short > 0, evidence.Damaged, "%d rows with fewer columns than #Fields, the first is line %d", got.short, got.shortAt)
	lose(got.long > 0, evidence.TooLarge, "%d lines over %d bytes whose rest was skipped, the first is line %d", got.long, maxLine, got.longAt)
	lose(got.extra > 0, evidence.Ambiguous, "%d rows with more columns than #Fields, the first is line %d", got.extra, got.extraAt)
	lose(got.undated > 0, evidence.Ambiguous, "%d events without a date: neither line nor file name states one%s", got.undated, l.lastWrite())
	lose(got.doubt != "", evidence.Ambiguous, "%s", got.doubt)
	if reason != "" && got.back > 0 {
		words = append(words, fmt.Sprintf("the clock ran back by more than an hour before %d events", got.back))
	}
	return reason, strings.Join(words, "; ")
}

func formatID(f *evidence.LogFormat) string {
	if f == nil {
		return ""
	}
	return f.ID
}

func (l *log) lastWrite() string {
	if l.written.IsZero() {
		return ""
	}
	return "; the file was last written " + l.written.UTC().Format("2006-01-02 15:04 MST")
}

// reason gives the reason that an error of reading or unpacking stands for:
// what this package says itself, then the file's own trouble, then the
// container's.
func (l *log) reason(err error) evidence.Reason {
	is := func(sentinels ...error) bool {
		return slices.ContainsFunc(sentinels, func(s error) bool { return errors.Is(err, s) })
	}
	switch {
	case is(evidence.ErrLimit, evidence.ErrEncrypted, evidence.ErrUnsupported, context.Canceled, context.DeadlineExceeded):
		return evidence.ReasonFor(err)
	case l.file.err != nil:
		return evidence.ReasonFor(l.file.err)
	case is(io.ErrUnexpectedEOF):
		return evidence.Truncated
	}
	return evidence.Damaged
}
