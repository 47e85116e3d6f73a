package evidence

import "time"

// Role is a meaning that a column of an event may have whatever the log calls
// it.
type Role uint8

// The roles. Address is the client's: who spoke to the server, or whom a proxy
// spoke for where that is believed (see Event.Peer).
const (
	RoleAddress Role = iota
	RoleAccount
	RoleAgent
	RoleMethod
	RolePath
	RoleQuery
	RoleStatus
	RoleHost      // the examined host's own name or address, as the log states it
	RoleMessage   // free text
	RoleForwarded // whom the request was made for, as its own header says: anybody can write one
	NumRoles
)

// Schema is one shape of event: field names interned once, and where the roles
// stand. Schemas are compared by pointer; a reader makes one per shape and file.
type Schema struct {
	Format string // LogFormat.ID
	Fields []string
	Roles  [NumRoles]int8 // index into Fields; -1: this shape has none
	Source LogSource
	Also   []LogSource       // further sources that its events are of
	Names  map[string]string // what rules call some of Fields besides
	Spread bool              // Raw is the values alone, a line each, of a record that is no text

	Recovered bool // its events stand where a log no longer keeps any: nothing vouches for them
}

// LogSource is Sigma's logsource triple (Sigma specification, section "Log
// Source").
type LogSource struct{ Product, Category, Service string }

// NewSchema returns a schema with no roles set.
func NewSchema(format string, fields ...string) *Schema {
	s := &Schema{Format: format, Fields: fields}
	for i := range s.Roles {
		s.Roles[i] = -1
	}
	return s
}

// Call gives a field one more name for rules.
func (s *Schema) Call(name, field string) {
	if s.Names == nil {
		s.Names = map[string]string{}
	}
	s.Names[name] = field
}

// Index returns the position of a field, -1 if the schema has none.
func (s *Schema) Index(field string) int {
	for i, f := range s.Fields {
		if f == field {
			return i
		}
	}
	return -1
}

// Event is one record of a log. Values stand by position of Schema.Fields and
// point into the reader's buffer: they are borrowed until Lane.Events returns.
// A nil value is a field this record does not have ("-" in W3C).
type Event struct {
	*Schema
	Values [][]byte
	Peer   []byte    // the proxy that spoke for the client in RoleAddress; nil: nobody did
	Time   time.Time // UTC; zero: this record states none
	Ref    Ref       // its Text is filled by Text when a finding needs it
	Raw    []byte    // the record's bytes with continuation lines, or see Schema.Spread; borrowed

	// Verbatim says that every value stands in Raw, byte for byte: whoever looks for
	// a text in all of them need only look there. False: nothing follows from what is
	// not in Raw.
	Verbatim bool
}

// Text is the record as a person reads it: Raw, or where that is the values
// alone, those with their names, and what says least of a Windows event at the
// end.
func (e *Event) Text() []byte {
	if !e.Spread {
		return e.Raw
	}
	var text []byte
	for _, last := range []bool{false, true} {
		for i, v := range e.Values {
			if len(v) == 0 || minor[e.Fields[i]] != last {
				continue
			}
			if len(text) > 0 {
				text = append(text, ", "...)
			}
			text = append(append(append(text, e.Fields[i]...), ": "...), v...)
		}
	}
	return text
}

// minor are fields of every Windows event that no reader looks for first.
var minor = map[string]bool{
	"Provider_Name": true, "Provider_Guid": true, "Channel": true, "Version": true, "Level": true, "Task": true, "Opcode": true, "Keywords": true, "EventRecordID": true,
	"Correlation_ActivityID": true, "Correlation_RelatedActivityID": true, "Execution_ProcessID": true, "Execution_ThreadID": true, "Security_UserID": true,
}

// Role returns the value that plays a role, nil if none does.
func (e *Event) Role(r Role) []byte {
	if i := e.Roles[r]; i >= 0 && int(i) < len(e.Values) {
		return e.Values[i]
	}
	return nil
}

// EventBatch is events of one schema, in file order.
type EventBatch struct {
	*Schema
	Events []Event
}

// Deliver hands events to a lane's method, those of one schema that stand together
// in one batch each; b is that batch every time. The error is the lane's.
func (b *EventBatch) Deliver(events []Event, to func(*EventBatch) error) error {
	for from, i := 0, 1; i <= len(events); i++ {
		if i < len(events) && events[i].Schema == events[from].Schema {
			continue
		}
		*b = EventBatch{Schema: events[from].Schema, Events: events[from:i]}
		if err := to(b); err != nil {
			return err
		}
		from = i
	}
	return nil
}
