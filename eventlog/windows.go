package eventlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"postern/eventlog/evtx"
	"postern/evidence"
)

// windows reads a Windows event log, which its first bytes tell, whatever it is
// called and whoever asks for it.
func (l *log) windows(ctx context.Context, path string, text io.Reader) result {
	ref := evidence.Ref{Collector: l.in.Collector, Path: path}
	lane := l.out.Lane(ref)
	got := result{path: path, format: &evidence.LogFormat{ID: evtx.Format}}
	counted := &counter{r: text}
	var err error
	got.win, err = evtx.Read(ctx, counted, evtx.Options{Ref: ref, Required: l.in.Required, Review: l.in.Review, Recover: l.in.Recover}, lane.Events)
	if got.bytes, got.err = counted.n, got.win.Err; ctx.Err() != nil {
		got.err, err = cmp.Or(got.err, ctx.Err()), nil
	}
	got.lane = errors.Join(err, lane.Close())
	return got
}

// coverWindows gives the rows of a Windows event log: what was read, and in one
// row each what was lost and what somebody cleared.
func (l *log) coverWindows(got result, sum string) {
	w := got.win
	row := l.row(got.path, got.format)
	row.Family = l.family(channelsOf(w, got.path), w.Hosts)
	row.Hosts = w.Hosts
	gap := func(reason evidence.Reason, parts evidence.Parts, words ...string) {
		row := row
		row.Parts, row.Missed = parts, &evidence.Missed{Reason: reason, Detail: strings.Join(words, "; ")}
		l.out.Cover(row)
	}
	if read := row; w.Records > 0 || w.Damaged == 0 && got.err == nil {
		read.Count, read.Bytes, read.SHA256 = w.Records, got.bytes, sum
		read.From, read.To, read.Days = w.From, w.To, w.Days
		read.Unread, read.Cleared = w.Lost+w.Partial, w.Clears.Asked.Count+w.Clears.Others.Count
		l.out.Cover(read)
	}
	l.coverRecovered(row, w)
	if got.err != nil {
		gap(l.reason(got.err), row.Parts, got.err.Error(), lostRecords(w))
	} else if w.Lost > 0 || w.Partial > 0 || w.Damaged > w.Stale || w.Stale > 0 && !w.Dirty {
		gap(damageReason(w), row.Parts, lostRecords(w))
	}
	if n := w.Holes(); n > 0 {
		gap(evidence.Hole, row.Parts, fmt.Sprintf("%d record numbers are missing, the first after record %d: an export that leaves out, a loss, or somebody removed them", n, w.IDs[0].Last))
	}
	if parts, words := clears(w.Clears); words != "" {
		gap(evidence.Hole, parts&row.Parts, words)
	}
}

// coverRecovered gives the rows of what was found where a log keeps nothing any
// more: they vouch for nothing and take nothing away.
func (l *log) coverRecovered(row evidence.Coverage, w *evtx.Result) {
	row.Path, row.Family = row.Path+" (space no longer in use)", ""
	if row.Count = w.Recovered; w.Recovered > 0 {
		l.out.Cover(row)
	}
	if row.Count, row.Parts = 0, 0; w.Overwritten > 0 {
		row.Missed = &evidence.Missed{Reason: evidence.Damaged, Detail: fmt.Sprintf("%d records begin there and were written over in part; %d were recovered", w.Overwritten, w.Recovered)}
		l.out.Cover(row)
	}
}

// clears says which logs were cleared, and what that bears on: nothing, if all
// of it was before what is asked about.
func clears(c evtx.Clears) (parts evidence.Parts, words string) {
	told, others := c.Asked, c.Others
	if told.Count == 0 {
		told, others = others, told
	} else {
		parts = ^evidence.Parts(0)
	}
	if told.Count == 0 {
		return 0, ""
	}
	var all []string
	for _, c := range told.First {
		all = append(all, clearing(c))
	}
	switch more := told.Count - int64(len(told.First)); {
	case more == 1:
		all = append(all, clearing(told.Last))
	case more > 1:
		all = append(all, fmt.Sprintf("and %d more, the last %s", more, clearing(told.Last)))
	}
	if others.Count > 0 {
		all = append(all, fmt.Sprintf("and %d outside of what is asked about, the last %s", others.Count, clearing(others.Last)))
	}
	return parts, "cleared, and what it held before is gone: " + strings.Join(all, ", ")
}

func clearing(c evtx.Clear) string {
	return fmt.Sprintf("%s at %s (record %d)", c.Channel, c.Time.UTC().Format(time.RFC3339), c.Record)
}

// family names the series that a Windows event log belongs to: its channel, its
// computer by the latest name, and its folder. Logs of two computers that lie in
// one folder are two series.
func (l *log) family(channel string, hosts []evidence.Host) string {
	name := "Windows " + channel + " "
	if len(hosts) > 0 {
		name += slices.MaxFunc(hosts, func(a, b evidence.Host) int { return a.To.Compare(b.To) }).Name + " "
	}
	return name + l.in.Folder
}

// channelsOf names the channel that a log is of: the one that its records name,
// or else its file.
func channelsOf(w *evtx.Result, path string) string {
	if len(w.Channels) == 1 {
		return w.Channels[0]
	}
	base := path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.ReplaceAll(strings.TrimSuffix(base, ".evtx"), "%4", "/")
}

func damageReason(w *evtx.Result) evidence.Reason {
	for _, d := range w.Damage {
		if d.Truncated {
			return evidence.Truncated
		}
	}
	return evidence.Damaged
}

// lostRecords says in words what was lost of a log.
func lostRecords(w *evtx.Result) string {
	const most = 5
	var words []string
	if w.Lost > 0 {
		words = append(words, fmt.Sprintf("%d records lost", w.Lost))
	}
	if w.Partial > 0 {
		words = append(words, fmt.Sprintf("%d records read in part", w.Partial))
	}
	for i, d := range w.Damage {
		if i == most {
			words = append(words, fmt.Sprintf("and %d places more", w.Damaged-most))
			break
		}
		words = append(words, fmt.Sprintf("at offset %d: %s", d.Offset, d.Why))
	}
	return strings.Join(words, "; ")
}
