package eventlog

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"postern/eventlog/evtx"
	"postern/eventlog/plain"
	"postern/eventlog/winjson"
	"postern/evidence"
)

// ExportHead is how many bytes hold the keys of an export's first event.
const ExportHead = 60 << 10

// IsExport reports whether a text that begins like head is an export of Windows
// events as JSON.
func IsExport(head []byte) bool { return winjson.Is(plain.Head(head)) }

// peekExport tells whether a text is an export of Windows events as JSON, and
// gives it back whole.
func peekExport(text io.Reader) (io.Reader, bool) {
	whole := bufio.NewReaderSize(text, ExportHead+(4<<10))
	start, err := whole.Peek(64)
	if err != nil && !errors.Is(err, io.EOF) || !strings.ContainsRune(string(start), '{') {
		return whole, false
	}
	head, _ := whole.Peek(ExportHead)
	return whole, IsExport(head)
}

// export reads an export of Windows events.
func (l *log) export(ctx context.Context, path string, text io.Reader) result {
	ref := evidence.Ref{Collector: l.in.Collector, Path: path}
	lane := l.out.Lane(ref)
	got := result{path: path, format: &evidence.LogFormat{ID: winjson.Format}}
	counted := &counter{r: text}
	opt := winjson.Options{Options: evtx.Options{Ref: ref, Required: l.in.Required, Review: l.in.Review}, Zone: l.in.Zone}
	var err error
	got.json, err = winjson.Read(ctx, plain.Text(counted), opt, lane.Events)
	if got.bytes, got.err = counted.n, got.json.Err; ctx.Err() != nil {
		got.err, err = cmp.Or(got.err, ctx.Err()), nil
	}
	got.lane = errors.Join(err, lane.Close())
	return got
}

// coverExport gives the rows of an export. Who exports chooses, by what is not known:
// one that is not all of a log, by its record numbers, vouches for no day.
func (l *log) coverExport(got result, sum string) {
	e := got.json
	row := l.row(got.path, got.format)
	row.Family = l.family(channelsOf(&evtx.Result{Channels: e.Channels}, got.path), e.Hosts)
	row.Hosts = e.Hosts
	if e.Records > 0 || e.Misread == 0 && got.err == nil {
		read := row
		read.Count, read.Bytes, read.SHA256 = e.Records, got.bytes, sum
		read.From, read.To, read.Days = e.From, e.To, e.Days
		if e.Missing > 0 || e.Numberless > 0 {
			read.Days = nil
		}
		read.Unread, read.Cleared = e.Misread, e.Clears.Asked.Count+e.Clears.Others.Count
		l.out.Cover(read)
	}
	gap := func(when bool, reason evidence.Reason, format string, args ...any) {
		if when {
			row := row
			row.Missed = &evidence.Missed{Reason: reason, Detail: fmt.Sprintf(format, args...)}
			l.out.Cover(row)
		}
	}
	gap(got.lane != nil, evidence.ReasonFor(got.lane), "not taken further: %v", got.lane)
	gap(got.err != nil, l.reason(got.err), "after %d events: %v", e.Records, got.err)
	gap(e.Cut, evidence.Truncated, "the last event is cut")
	gap(e.Misread > 0, evidence.Damaged, "%d pieces that read as no event of Windows, the first at line %d", e.Misread, e.MisreadAt)
	gap(e.Unnamed > 0, evidence.Ambiguous, "%d events give their values without names, the first at line %d: rules for fields cannot see them; export the log itself (wevtutil epl)", e.Unnamed, e.UnnamedAt)
	gap(e.Missing > 0, evidence.Ambiguous, "a selection of records, which vouches for no day: %d record numbers are missing, the first after record %d; export the log itself (wevtutil epl)", e.Missing, e.MissingAfter)
	gap(e.Numberless > 0, evidence.Ambiguous, "%d events state no record number, so whether this is all of a log or a selection is not known, and it vouches for no day; export the log itself (wevtutil epl)", e.Numberless)
	gap(e.Repeated > 0, evidence.Ambiguous, "%d events give a field several values, the first at line %d: it holds all, a line each, and rules for its beginning, its end or the whole of it may not see them; look at these, for a value with a line break may pose as another field", e.Repeated, e.RepeatedAt)
	gap(e.Long > 0, evidence.TooLarge, "%d events hold a list of more values than are read, the first at line %d", e.Long, e.LongAt)
	gap(e.Undated > 0, evidence.Ambiguous, "%d events state no time that reads", e.Undated)
	gap(e.Local && l.in.Zone == nil, evidence.NoZone, "local times were read as UTC; say where the host stood (--time-zone)")
	if parts, words := clears(e.Clears); words != "" {
		row.Parts &= parts
		gap(true, evidence.Hole, "%s", words)
	}
}
