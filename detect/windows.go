package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/detect/sigma"
	"postern/eventlog/evtx"
	"postern/eventlog/winjson"
	"postern/evidence"
	"postern/pack"
)

// windowsLogs are the event logs of Windows, which are read wherever they are
// met. What of them a selection or a machine does not have, unseen says.
var windowsLogs = evidence.LogFormat{
	ID: evtx.Format, Family: "Windows", Layout: "evtx", Folders: []string{`C:\Windows\System32\winevt\Logs`}, Shared: true, Parts: evidence.CompromisedThen,
}

// windowsFormat reports whether a format is of Windows' events: their own log, or
// an export of it.
func windowsFormat(id string) bool { return id == evtx.Format || id == winjson.Format }

// windowsSources are what rules call those logs.
var windowsSources = evtx.Sources()

// ofWindows reports whether a rule is for events of Windows.
func ofWindows(s *sigma.Rule) bool {
	return slices.ContainsFunc(windowsSources, func(f evidence.LogSource) bool { return s.Source.Fits(sourceOf(f)) })
}

// wanted is a log source of Windows that rules are for.
type wanted struct {
	source sigma.LogSource
	asked  bool // by a pack
	need   bool // by one for which the past is not seen without it
	own    int  // how many of the operator's rules
}

// want has the event logs of Windows read for a rule, and their lack told.
func (e *Engine) want(s sigma.LogSource) *wanted {
	if _, known := e.formats[evtx.Format]; !known {
		e.formats[evtx.Format] = windowsLogs
		e.interest.Logs = append(e.interest.Logs, windowsLogs)
		e.formats[winjson.Format] = evidence.LogFormat{ID: winjson.Format, Family: windowsLogs.Family, Layout: windowsLogs.Layout, Parts: windowsLogs.Parts}
	}
	s = sigma.LogSource{Product: "windows", Category: strings.ToLower(s.Category), Service: strings.ToLower(s.Service)}
	i := slices.IndexFunc(e.windows, func(w wanted) bool { return w.source == s })
	if i < 0 {
		i = len(e.windows)
		e.windows = append(e.windows, wanted{source: s})
	}
	return &e.windows[i]
}

// wantOwn is want for a rule of the operator's own that is for Windows. One that
// names no product, and whose logs another format may be, is held against
// Windows' where they are met, and asks for none.
func (e *Engine) wantOwn(s *sigma.Rule) {
	if s.Source.Product == "" && e.readAsText(s) {
		return
	}
	e.want(s.Source).own++
}

// readAsText reports whether a format other than Windows' own may hold what a
// rule is for.
func (e *Engine) readAsText(s *sigma.Rule) bool {
	for id, f := range e.formats {
		if !windowsFormat(id) && meets(s.Source, &f) {
			return true
		}
	}
	return false
}

// vouches lists, by index, the wanted sources that events of a schema are of.
func (e *Engine) vouches(s *evidence.Schema) (all []int) {
	if s.Source == (evidence.LogSource{}) {
		return nil // of a channel that nobody knows
	}
	for i := range e.windows {
		if fitsAny(e.windows[i].source, s) {
			all = append(all, i)
		}
	}
	return all
}

// vouch notes what a batch is of, once an event of it falls into the time that
// is asked about: what was written before and no more is no record of it.
func (l *lane) vouch(p *program, batch *evidence.EventBatch) {
	if len(p.vouches) == 0 || l.vouched[p] || len(batch.Events) == 0 {
		return
	}
	if at := batch.Events[len(batch.Events)-1].Time; !at.IsZero() && at.Before(l.x.engine.interest.Required.From) {
		return
	}
	l.vouched[p] = true
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	for _, i := range p.vouches {
		l.x.vouched[i] = true
	}
}

// noteServices notes which event logs of Windows are read.
func (x *Examination) noteServices(s *evidence.Schema) {
	if !windowsFormat(s.Format) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.services[s.Source.Service] = true
	for _, also := range s.Also {
		x.services[also.Service] = true
	}
}

// unseen says which log sources of Windows rules are for, and no event was of.
// What no pack needs is listed and decides nothing. On a system that is not
// Windows the operator's rules for it have nothing to be held against, and a
// pack's are not meant.
func (x *Examination) unseen() []evidence.Coverage {
	if parts := x.engine.opt.Parts; !x.files || parts != 0 && parts&evidence.CompromisedThen == 0 {
		return nil
	}
	met := len(x.services) > 0 || slices.ContainsFunc(x.cover, func(c evidence.Coverage) bool { return windowsFormat(c.Format) })
	var needed, extra, own []wanted
	for i, w := range x.engine.windows {
		switch {
		case x.vouched[i]:
			continue
		case w.need:
			needed = append(needed, w)
		case w.asked:
			extra = append(extra, w)
		}
		if w.own > 0 {
			own = append(own, w)
		}
	}
	since := ""
	if from := x.engine.interest.Required.From; !from.IsZero() {
		since = " since " + from.UTC().Format(time.DateOnly)
	}
	var rows []evidence.Coverage
	say := func(path string, of []wanted, parts evidence.Parts, lead string) {
		if len(of) > 0 {
			rows = append(rows, evidence.Gap(evidence.CoverLog, path, parts, x.lack(of, met), lead+x.tell(of, path == ownSigma)))
		}
	}
	if met || x.os == evidence.Windows {
		say(windowsLogs.Folders[0], needed, evidence.CompromisedThen, "rules are for events of which no log has any"+since+": ")
		say(windowsLogs.Folders[0], extra, 0, "rules are also for events that not every machine logs, and no log has any"+since+": ")
	}
	switch ownCount := ownOf(own); {
	case x.os == evidence.Linux && !met:
		say(ownSigma, own, 0, ownCount+" for event logs of Windows, which a Linux system has none of: ")
	default:
		say(ownSigma, own, evidence.CompromisedThen, ownCount+" for events of Windows of which no log has any"+since+": ")
	}
	return rows
}

func ownOf(own []wanted) string {
	n := 0
	for _, w := range own {
		n += w.own
	}
	return count(n, "rule is", "rules are")
}

// lack is the reason for which events of these sources are not there: no log of
// theirs, or logs that do not record them.
func (x *Examination) lack(of []wanted, met bool) evidence.Reason {
	switch {
	case !met && x.partial:
		return evidence.NotCollected
	case slices.ContainsFunc(of, func(w wanted) bool { return !x.logged(w) }):
		return evidence.Absent
	}
	return evidence.LowLevel
}

// logged reports whether a log was read that would hold events of a source.
func (x *Examination) logged(w wanted) bool {
	return slices.ContainsFunc(evtx.Holders(logSource(w.source)), func(h evtx.Holder) bool { return x.services[h.Service] })
}

// tell names sources and what would hold their events: of the operator's rules
// those of the most first, with how many, else with what has to be set.
func (x *Examination) tell(of []wanted, own bool) string {
	of = slices.SortedFunc(slices.Values(of), func(a, b wanted) int {
		return cmp.Or(cmp.Compare(b.own, a.own), strings.Compare(a.source.Service, b.source.Service), strings.Compare(a.source.Category, b.source.Category))
	})
	var names []string
	for _, w := range of {
		name := cmp.Or(strings.TrimSpace(w.source.Category+" "+w.source.Service), "any")
		var by []string
		for _, h := range evtx.Holders(logSource(w.source)) {
			switch set := h.Setting != "" && !own; {
			case w.source.Category == "":
				if name = h.String(); set {
					by = append(by, h.Setting)
				}
			case set:
				by = append(by, h.String()+", "+h.Setting)
			default:
				by = append(by, h.String())
			}
		}
		if len(by) > 0 {
			name += " (" + strings.Join(by, "; or ") + ")"
		}
		if own {
			name += fmt.Sprintf(" for %d", w.own)
		}
		if x.logged(w) {
			name += ": read, and it had none"
		}
		names = append(names, name)
	}
	return named(names)
}

func logSource(s sigma.LogSource) evidence.LogSource {
	return evidence.LogSource{Product: s.Product, Category: s.Category, Service: s.Service}
}

// knownWindows refuses a rule of a pack about a log source of Windows that the
// pack does not list, or with a field that no event of it has.
func (e *Engine) knownWindows(p *pack.Pack, f *pack.SigmaFile, s *sigma.Rule) error {
	listed := listedWindows(p, s.Source)
	if listed == nil {
		return fmt.Errorf("rule %q: its log source is of Windows, and windows in logs.yaml does not list it and say whether it must be there", s.ID)
	}
	w := e.want(s.Source)
	w.asked, w.need = true, w.need || listed.Need
	for _, field := range s.Fields() {
		if field != "" && !windowsField(p, s.Source, field) {
			line, column := keyAt(f.Text, field)
			return &pack.Fault{File: f.File, Line: line, Column: column, Err: fmt.Errorf("rule %q: no event of its source has a field %q; one that is missing here goes to fields of that source in logs.yaml", s.ID, field)}
		}
	}
	return nil
}

// listedWindows is what a pack says of a log source of Windows; nil: nothing.
func listedWindows(p *pack.Pack, s sigma.LogSource) *pack.EventLog {
	i := slices.IndexFunc(p.Windows, func(w pack.EventLog) bool {
		return strings.EqualFold(w.Source.Category, s.Category) && strings.EqualFold(w.Source.Service, s.Service)
	})
	if i < 0 {
		return nil
	}
	return &p.Windows[i]
}

// windowsField reports whether events of a log source of Windows that a pack
// lists may have a field.
func windowsField(p *pack.Pack, s sigma.LogSource, field string) bool {
	listed := listedWindows(p, s)
	return listed != nil && (slices.Contains(listed.Fields, field) || evtx.HasField(listed.Source, field))
}

// idleWindows refuses what a pack lists of Windows and no rule of it is for.
func (e *Engine) idleWindows(p *pack.Pack) (faults []error) {
	for i := range p.Windows {
		l := &p.Windows[i]
		if !slices.ContainsFunc(e.windows, func(w wanted) bool { return w.asked && logSource(w.source) == l.Source }) {
			faults = append(faults, l.Fault(fmt.Errorf("no rule is for category %q and service %q of windows", l.Source.Category, l.Source.Service)))
		}
	}
	return faults
}

// answeredByWindows reports whether events of a rule's source may have the
// fields that it can't do without. Of a source whose fields nobody listed they may.
func (e *Engine) answeredByWindows(s *sigma.Rule) bool {
	source := logSource(s.Source)
	return !evtx.Closed(source) || sigma.Compile([]*sigma.Rule{s}, func(field string) (sigma.Column, bool) {
		return sigma.Column{}, field == "" || evtx.HasField(source, field)
	}).Len() > 0
}

// knownField reports whether other events of a schema's source have a field, and
// this shape of them lacks it.
func knownField(s *evidence.Schema, field string) bool {
	return evtx.HasField(s.Source, field) || slices.ContainsFunc(s.Also, func(also evidence.LogSource) bool { return evtx.HasField(also, field) })
}
