package evtx

import (
	_ "embed" // of fields.txt
	"slices"
	"strconv"
	"strings"

	"postern/evidence"
)

//go:embed fields.txt
var fieldsText string

// listed are the fields of events by what rules call their source, "*" for all
// events; open are the sources whose events have others besides.
var listed, open = listFields(fieldsText)

func listFields(text string) (fields map[string]map[string]bool, open map[string]bool) {
	fields, open = map[string]map[string]bool{}, map[string]bool{}
	var of map[string]bool
	for line := range strings.Lines(text) {
		if name, begins := strings.CutSuffix(strings.TrimSpace(line), ":"); begins && line[0] != '#' && line[0] != ' ' {
			name, more := strings.CutSuffix(name, "+")
			of = map[string]bool{}
			fields[name], open[name] = of, more
		} else if line[0] == ' ' {
			for _, f := range strings.Fields(line) {
				of[f] = true
			}
		}
	}
	return fields, open
}

// keyOf is what the fields of a source stand under.
func keyOf(s evidence.LogSource) string {
	if s.Category != "" {
		return strings.ToLower(s.Category)
	}
	return strings.ToLower(s.Service)
}

// HasField reports whether events of a log source are known to have a field, by
// the log's own name for it or by one that Sigma's taxonomy has.
func HasField(s evidence.LogSource, field string) bool {
	field = strings.ReplaceAll(field, " ", "")
	return listed[keyOf(s)][field] || listed["*"][field]
}

// Closed reports whether all fields of a log source's events are known.
func Closed(s evidence.LogSource) bool {
	key := keyOf(s)
	return listed[key] != nil && !open[key]
}

// Holder is a log that holds the events of a log source.
type Holder struct {
	Service string   // what rules call it
	IDs     []uint32 // of the events that it calls by; nil: all
	Setting string   // without which it has none; "": it has them as Windows comes
}

// settings are what has to be set before a log is written.
var settings = map[string]string{
	"sysmon":           "where Sysmon is installed",
	"process_creation": "where the audit policy Process Creation is on",
	"ps_script":        "where script block logging is on",
	"ps_module":        "where module logging is on",
	"taskscheduler":    "where its history is on",
	"windefend":        "where Defender is the virus scanner",
}

// logNames are how people call the logs that services stand for.
var logNames = map[string]string{
	"application": "Application", "security": "Security", "system": "System", "sysmon": "Sysmon", "powershell": "PowerShell/Operational",
	"powershell-classic": "Windows PowerShell", "windefend": "Windows Defender/Operational", "taskscheduler": "TaskScheduler/Operational",
}

// String names the log, and its events where not all are meant.
func (h Holder) String() string {
	name := h.Service
	if known := logNames[name]; known != "" {
		name = known
	}
	for i, id := range h.IDs {
		name += map[bool]string{true: " ", false: ", "}[i == 0] + strconv.FormatUint(uint64(id), 10)
	}
	return name
}

// Holders lists the logs that hold the events of a log source, by service. A
// source that names neither category nor service has none.
func Holders(s evidence.LogSource) (all []Holder) {
	category, service := strings.ToLower(s.Category), strings.ToLower(s.Service)
	if category == "" && service != "" {
		return []Holder{{Service: service, Setting: settings[service]}}
	}
	for i := range meanings {
		m := &meanings[i]
		if category == "" || !slices.Contains(m.categories, category) || service != "" && service != m.service {
			continue
		}
		at := slices.IndexFunc(all, func(h Holder) bool { return h.Service == m.service })
		if at < 0 {
			at = len(all)
			set := settings[m.service]
			if m.service == "security" || m.service == "powershell" {
				set = settings[category]
			}
			all = append(all, Holder{Service: m.service, Setting: set})
		}
		for _, id := range m.ids {
			if !slices.Contains(all[at].IDs, id) {
				all[at].IDs = append(all[at].IDs, id)
			}
		}
	}
	return all
}
