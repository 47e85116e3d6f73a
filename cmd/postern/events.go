package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"postern/collect"
	"postern/detect"
	"postern/evidence"
	"postern/report"
	"postern/target"
)

func eventsCommand() *cobra.Command {
	var packDirs []string
	var zone string
	var asJSON, verbose, carve bool
	cmd := &cobra.Command{
		Use:   "events FILE...",
		Short: "Print decoded log events as JSON lines",
		Long: `Print the events of logs as JSON lines, one flat object for each: the fields as
the format names them, and _time, _path, _line (or _record), _format. Fields a
record does not have are left out. Secrets are masked. What cannot be decoded is named on
standard error and makes the exit code 3.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			location, err := parseZone(zone)
			if err != nil {
				return err
			}
			packs, err := loadPacks(packDirs)
			if err != nil {
				return &exit{exitFailed, err}
			}
			engine, _, err := detect.Compile(packs, detect.Options{Now: time.Now().UTC(), Parts: everyPart})
			if err != nil {
				return failed("packs: %w", err)
			}
			e := &eventPrinter{want: engine.Interest(), out: bufio.NewWriter(cmd.OutOrStdout()), err: cmd.ErrOrStderr()}
			e.want.Recover = carve
			opt := target.Options{Zone: location, Log: logger(cmd.ErrOrStderr(), verbose)}
			for _, path := range args {
				if err := e.file(cmd.Context(), path, opt); err != nil {
					return err
				}
			}
			return e.end(cmd.Context())
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&packDirs, "packs", nil, "`DIR` with a pack or packs of your own; repeatable")
	fl.StringVar(&zone, "time-zone", "", "`ZONE` of local times in the logs, as Europe/Berlin")
	fl.BoolVar(&carve, "recover", false, "print records of Windows event logs that stand in space no longer in use, too, marked _recovered")
	fl.BoolVar(&asJSON, "json", true, "events are JSON lines as they are")
	fl.BoolVarP(&verbose, "verbose", "v", false, "say on standard error what is done")
	return cmd
}

// eventPrinter is a sink that prints events instead of holding them against
// rules.
type eventPrinter struct {
	want *evidence.Interest

	mu   sync.Mutex
	out  *bufio.Writer
	err  io.Writer
	fail error // of writing
	gaps int
	read int // coverage rows of something read
}

// file decodes one log, or the logs of a folder or an archive.
func (e *eventPrinter) file(ctx context.Context, path string, opt target.Options) error {
	sources, err := target.Open(ctx, path, opt)
	if err != nil {
		return failed("%w", err)
	}
	for _, src := range sources {
		for _, gap := range src.Gaps {
			if gap.Missed.Reason != evidence.NoZone { // each log in local time says so itself
				e.Cover(gap)
			}
		}
		for _, c := range collect.All(collect.Options{InOrder: true}) {
			if c.Parts()&evidence.CompromisedThen == 0 || !src.Has(c.Needs()) {
				continue
			}
			if err := c.Collect(ctx, src, e.want, e); err != nil {
				e.Cover(evidence.ErrGap(evidence.CoverLog, path, evidence.CompromisedThen, err))
			}
		}
		if err := src.Close(); err != nil {
			return failed("closing %s: %w", path, err)
		}
	}
	return nil
}

func (e *eventPrinter) end(ctx context.Context) error {
	if err := e.out.Flush(); err != nil && e.fail == nil {
		e.fail = err
	}
	switch {
	case e.fail != nil:
		return failed("write: %w", e.fail)
	case ctx.Err() != nil:
		return &exit{code: exitCancelled}
	case e.gaps > 0 || e.read == 0:
		return &exit{code: exitUnknown}
	}
	return nil
}

// Cover names on standard error what could not be decoded.
func (e *eventPrinter) Cover(c evidence.Coverage) {
	bears := c.Parts&evidence.CompromisedThen != 0
	if c.Kind != evidence.CoverLog && (c.Missed == nil || !bears) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.Missed == nil {
		e.read++
		return
	}
	if c.Missed.Reason == evidence.LowLevel { // what was not written; all that was is here
		return
	}
	if bears && c.Missed.Reason != evidence.Hole { // so it is here, and said all the same
		e.gaps++
	}
	fmt.Fprintf(e.err, "postern: %s: %s\n", report.Clean(c.Path), report.Clean(c.Missed.String()))
}

// Lane opens a lane that prints.
func (e *eventPrinter) Lane(evidence.Ref) evidence.Lane { return printLane{e} }

type printLane struct{ *eventPrinter }

// Observe takes nothing: events are asked for.
func (printLane) Observe(context.Context, *evidence.Observation) error { return nil }

// Close ends the lane.
func (printLane) Close() error { return nil }

// Events prints a batch.
func (l printLane) Events(batch *evidence.EventBatch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range batch.Events {
		if l.fail == nil {
			l.fail = printEvent(l.out, &batch.Events[i])
		}
	}
	return l.fail
}

// printEvent writes one object, its fields in the order of the log.
func printEvent(out *bufio.Writer, ev *evidence.Event) error {
	var line bytes.Buffer
	put := func(name, value string) {
		if line.Len() > 0 {
			line.WriteByte(',')
		}
		line.Write(quoted(name))
		line.WriteByte(':')
		line.Write(quoted(value))
	}
	for i, name := range ev.Fields {
		if i < len(ev.Values) && ev.Values[i] != nil {
			put(report.Clean(name), fieldText(name, string(ev.Values[i])))
		}
	}
	if ev.Peer != nil {
		put("_peer", report.Clean(string(ev.Peer)))
	}
	if !ev.Time.IsZero() {
		put("_time", ev.Time.UTC().Format(time.RFC3339Nano))
	}
	put("_path", report.Clean(ev.Ref.Path))
	if line.Len() > 0 {
		fmt.Fprintf(&line, `,"_%s":%d`, unit(ev.Ref.Unit), ev.Ref.At)
	}
	put("_format", report.Clean(ev.Format))
	if ev.Recovered {
		put("_recovered", "true")
	}
	_, err := fmt.Fprintf(out, "{%s}\n", line.Bytes())
	return err
}

func unit(u evidence.Unit) evidence.Unit {
	if u == "" {
		return evidence.Line
	}
	return u
}

// fieldText masks a value by what stands in it, or whole by its field's name.
func fieldText(name, value string) string {
	for _, secret := range []string{"cookie", "password", "authorization"} {
		if strings.Contains(strings.ToLower(name), secret) {
			return report.Hide(value)
		}
	}
	return report.Clean(value, '\n', '\r', '\t') // JSON spells line breaks itself
}

// quoted is text as JSON, without HTML's escapes.
func quoted(text string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return []byte(`""`)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
