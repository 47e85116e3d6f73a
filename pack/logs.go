package pack

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// roleNames are the words a pack has for the roles.
var roleNames = map[string]evidence.Role{
	"address": evidence.RoleAddress, "account": evidence.RoleAccount, "agent": evidence.RoleAgent,
	"method": evidence.RoleMethod, "path": evidence.RolePath, "query": evidence.RoleQuery,
	"status": evidence.RoleStatus, "host": evidence.RoleHost, "message": evidence.RoleMessage,
	"forwarded": evidence.RoleForwarded,
}

func (l *loader) logs(s *specLogs) {
	f := l.file("logs.yaml")
	seen := map[string]bool{}
	for i := range s.Logs {
		f.unique(seen, s.Logs[i].ID)
		l.pack.Logs = append(l.pack.Logs, f.log(&s.Logs[i]))
	}
	l.eventLogs(s)
}

// eventLogs are the log sources of Windows that the pack's rules are for.
func (l *loader) eventLogs(s *specLogs) {
	f := l.file("logs.yaml")
	for i := range s.Windows {
		w := &s.Windows[i]
		source := evidence.LogSource{Product: "windows", Category: strings.ToLower(w.Category.Value), Service: strings.ToLower(w.Service.Value)}
		if slices.ContainsFunc(l.pack.Windows, func(o EventLog) bool { return o.Source == source }) {
			f.Fail(w.At, ErrDuplicate, "category %q and service %q of windows twice", source.Category, source.Service)
		}
		l.pack.Windows = append(l.pack.Windows, EventLog{source, w.Need, strs(w.Fields), f.Name, w.At.Line, w.At.Column})
	}
}

func (f *file) log(s *specLog) evidence.LogFormat {
	out := evidence.LogFormat{
		ID: s.ID.Value, Family: s.Family.Value, Layout: s.Layout.Value,
		Names: f.rules(s.Names), DateFmt: s.DateFormat.Value, Stamps: s.StampFormat.Value, Zone: evidence.LogZone(s.Zone.Value),
		Folders: strs(s.Folders), Sniff: f.rule(s.Sniff), Cont: f.rule(s.Continuation),
		Inside: f.rule(s.Inside), Low: f.rule(s.Exceptions), Serves: f.rule(s.Serves), Shared: s.Shared,
		Source: evidence.LogSource{Product: s.Source.Product.Value, Category: s.Source.Category.Value, Service: s.Source.Service.Value},
		Daily:  s.Daily, Need: s.Need, Parts: evidence.CompromisedThen,
	}
	if len(s.Names) == 0 && s.Sniff == nil {
		f.Fail(s.At, ErrMissing, "%q has neither names nor a sniff: nothing would ever be read as it", s.ID.Value)
	}
	f.dates(s)
	f.stamps(s)
	switch {
	case out.Layout != "lines" && (len(s.Forms) > 0 || len(s.Roles) > 0):
		f.Fail(s.At, ErrValue, "%q: the fields of a %s log are known; forms and roles are for lines", s.ID.Value, out.Layout)
	case s.Shared && s.Sniff == nil:
		f.Fail(s.At, ErrMissing, "%q: shared wants a sniff: names alone do not tell", s.ID.Value)
	case out.Layout == "lines" && len(s.Forms) == 0:
		f.Fail(s.At, ErrMissing, "%q: layout lines wants forms", s.ID.Value)
	}
	for program, service := range s.Services {
		if out.Service == nil {
			out.Service = map[string]string{}
		}
		out.Service[strings.ToLower(program)] = service.Value
	}
	out.Forms = f.forms(s, out.Source)
	return out
}

// dates checks that the date in a file's name can be read: the layout parses
// what submatch "date" gives of every example.
func (f *file) dates(s *specLog) {
	dated := false
	for _, n := range s.Names {
		i := n.Pattern.SubexpIndex("date")
		dated = dated || i > 0
		if n.Pattern.SubexpIndex("hour") > 0 && (i < 1 || s.Zone.Value != string(evidence.ZoneUTC)) {
			f.Fail(n.Pattern.At, ErrValue, "submatch \"hour\" wants \"date\" beside it and zone utc")
		}
		for _, e := range n.Examples {
			m := n.Pattern.FindStringSubmatch(e.Value)
			if i < 1 || m == nil || m[i] == "" {
				continue
			}
			if _, err := time.Parse(s.DateFormat.Value, m[i]); err != nil {
				f.Fail(e.At, ErrExample, "date_format %q: %w", s.DateFormat.Value, err)
			}
		}
	}
	switch {
	case dated && s.DateFormat.Value == "":
		f.Fail(s.At, ErrMissing, "%q: its names state a date, and date_format is missing", s.ID.Value)
	case !dated && s.DateFormat.Value != "":
		f.Fail(s.DateFormat.At, ErrValue, "no name has a submatch (?P<date>...)")
	case s.Daily && !dated:
		f.Fail(s.At, ErrValue, "%q: daily wants names with (?P<date>...)", s.ID.Value)
	}
}

// stamps checks that the format of a stamp says day and clock: a time written in
// it reads as the same.
func (f *file) stamps(s *specLog) {
	if s.StampFormat.Value == "" {
		return
	}
	want := time.Date(2026, 11, 23, 14, 15, 16, 0, time.UTC)
	if got, err := time.Parse(s.StampFormat.Value, want.Format(s.StampFormat.Value)); err != nil || !got.Equal(want) {
		f.Fail(s.StampFormat.At, ErrValue, "stamp_format %q is no Go layout of a day with its year and a clock with seconds, as 02.01.2006 15:04:05", s.StampFormat.Value)
	}
	if !slices.ContainsFunc(s.Forms, func(t text) bool { return strings.Contains(t.Value, ":stamp}") }) {
		f.Fail(s.StampFormat.At, ErrValue, "no form has a field of type stamp")
	}
}

// forms makes the line forms and says where the roles stand in each.
func (f *file) forms(s *specLog, src evidence.LogSource) []evidence.LineForm {
	var out []evidence.LineForm
	used := map[string]bool{}
	for _, t := range s.Forms {
		made, err := ParseLineForm(t.Value, s.ID.Value)
		if err != nil {
			f.Fail(t.At, ErrValue, "%w", err)
			continue
		}
		made.Schema.Source = src
		for role, field := range s.Roles {
			if i := made.Schema.Index(field.Value); i >= 0 && roleKnown(role) {
				made.Schema.Roles[roleNames[role]] = int8(i)
				used[role] = true
			}
		}
		out = append(out, made)
	}
	for _, role := range slices.Sorted(maps.Keys(s.Roles)) {
		switch at := s.Roles[role].At; {
		case !roleKnown(role):
			f.Fail(at, ErrReference, "role %q is none of %s", role, strings.Join(slices.Sorted(maps.Keys(roleNames)), ", "))
		case !used[role]:
			f.Fail(at, ErrReference, "no form has a field %q", s.Roles[role].Value)
		}
	}
	return out
}

func roleKnown(name string) bool {
	_, ok := roleNames[name]
	return ok
}

// formField is one field of a line form: {name} or {name:type}.
var formField = regexp.MustCompile(`\{([A-Za-z][A-Za-z0-9()_-]*)(?::([a-z]+))?\}`)

const maxFormFields = 16

// errForm marks a line form that cannot be read.
var errForm = errors.New("line form")

// ParseLineForm reads a form like "{time} [{c-ip:ip}] [{session}] {message}":
// literal text between fields. "{time}" is a clock time by its name, ":ip" an
// address, ":stamp" a day with a clock; any other field takes any text. Schema.Fields are the form's fields
// in their order, one to one; no roles are set. Two fields need literal text
// between them, and nothing may stand after the last, because it runs to the
// line's end.
func ParseLineForm(form, format string) (evidence.LineForm, error) {
	at := formField.FindAllStringSubmatchIndex(form, -1)
	if len(at) == 0 || len(at) > maxFormFields {
		return evidence.LineForm{}, fmt.Errorf("%w %q: want 1 to %d fields like {time}", errForm, form, maxFormFields)
	}
	var out evidence.LineForm
	var names []string
	end := 0
	for i, m := range at {
		before, name := form[end:m[0]], form[m[2]:m[3]]
		switch {
		case strings.ContainsAny(before, "{}"):
			return evidence.LineForm{}, fmt.Errorf("%w %q: a brace that belongs to no field in %q", errForm, form, before)
		case i > 0 && before == "":
			return evidence.LineForm{}, fmt.Errorf("%w %q: nothing stands between {%s} and {%s}", errForm, form, names[i-1], name)
		case slices.Contains(names, name):
			return evidence.LineForm{}, fmt.Errorf("%w %q: field %q twice", errForm, form, name)
		}
		kind := evidence.AnyText
		switch typed := m[4] >= 0; {
		case typed && form[m[4]:m[5]] == "ip":
			kind = evidence.IPAddress
		case typed && form[m[4]:m[5]] == "stamp":
			kind = evidence.Stamp
		case typed:
			return evidence.LineForm{}, fmt.Errorf("%w %q: type %q is neither ip nor stamp", errForm, form, form[m[4]:m[5]])
		case name == "time":
			kind = evidence.ClockTime
		}
		out.Fields = append(out.Fields, evidence.FormField{Before: before, Name: name, Type: kind})
		names, end = append(names, name), m[1]
	}
	if end != len(form) {
		return evidence.LineForm{}, fmt.Errorf("%w %q: %q after the last field, which runs to the line's end", errForm, form, form[end:])
	}
	out.Schema = evidence.NewSchema(format, names...)
	return out, nil
}
