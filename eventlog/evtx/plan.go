package evtx

import (
	"encoding/binary"
	"strings"
)

// place is where in an event a fragment of Binary XML stands.
type place uint8

const (
	atRoot place = iota // the event itself
	inEvent
	inSystem
	inEventData
	inUserData
	inOther
)

// sections are the elements that stand right in an event, by their place.
var sections = [...]string{inSystem: "System", inEventData: "EventData", inUserData: "UserData", inOther: "Event"}

// plan is what a template means: which values make up which fields.
type plan struct {
	id     uint32
	fields []field
	nested []nest
}

// field is one field of a plan.
type field struct {
	name    string
	section string
	parts   []part
}

// part is a piece of a field's text: a value of the record, or else text.
type part struct {
	text string
	sub  int // position of the value; -1: text; -2: a line break between two that are there
}

const (
	isText = -1
	isGap  = -2
)

// nest says that a value may be Binary XML itself, and where that stands.
type nest struct {
	sub  int
	from place
}

// compiler makes a plan of a canonical form.
type compiler struct {
	plan
	form  []byte
	from  place
	at    map[string]int // of fields, by section and name
	stack []element

	contents int // texts and values met

	attribute string // whose value is being read; "" for none
	parts     []part // of it
}

// element is one open element.
type element struct {
	name   string
	called string // a Data element's Name
	prefix []part // the same, where a value of the record gives it
	field  int    // of its text, -1: none yet
	filled bool   // it has children
}

// Limits of a plan: fields, and texts and values that they are made of.
const (
	maxFields = 1024
	maxParts  = 4096
)

// compile makes the plan of a form that the walker wrote, nil if it is larger than
// is read.
func compile(form []byte, from place) *plan {
	c := &compiler{form: form, from: from, at: map[string]int{}}
	for len(c.form) > 0 {
		if len(c.fields) > maxFields || c.contents > maxParts {
			return nil
		}
		step := c.form[0]
		c.form = c.form[1:]
		switch step {
		case stepOpen:
			c.endAttribute()
			if n := len(c.stack); n > 0 {
				c.stack[n-1].filled = true
			}
			c.stack = append(c.stack, element{name: c.text(), field: -1})
		case stepAttr:
			c.endAttribute()
			c.attribute = c.text()
		case stepBody:
			c.endAttribute()
		case stepEnd:
			c.endAttribute()
			c.endElement()
		case stepText:
			kind := c.form[0]
			c.form = c.form[1:]
			text := c.text()
			if kind == kindEntity {
				text = entity(text)
			}
			c.content(part{text: text, sub: isText})
		case stepSub:
			at := int(binary.LittleEndian.Uint16(c.form))
			c.form = c.form[2:]
			c.content(part{sub: at})
		}
	}
	return &c.plan
}

// text takes a counted UTF-16 string off the form.
func (c *compiler) text() string {
	n := int(binary.LittleEndian.Uint16(c.form))
	s := string(appendUTF16(nil, c.form[2:2+n]))
	c.form = c.form[2+n:]
	return s
}

// entity is what a named entity stands for (XML 1.0, section 4.6).
func entity(name string) string {
	switch name {
	case "amp":
		return "&"
	case "lt":
		return "<"
	case "gt":
		return ">"
	case "quot":
		return `"`
	case "apos":
		return "'"
	}
	return "&" + name + ";"
}

// level is how deep in the event the element opened last stands: 0 for the
// event, 1 for a section, more for what is in one.
func (c *compiler) level() int { return len(c.stack) - 1 + min(int(c.from), 2) }

// section is the name of the section in hand.
func (c *compiler) section() string {
	at := 1 - min(int(c.from), 2)
	switch {
	case at < 0:
		return sections[c.from]
	case at < len(c.stack):
		return c.stack[at].name
	}
	return "Event"
}

// inside is the place of what stands in the element in hand.
func (c *compiler) inside() place {
	if c.level() == 0 {
		return inEvent
	}
	switch c.section() {
	case "System":
		return inSystem
	case "EventData":
		return inEventData
	case "UserData":
		return inUserData
	}
	return inOther
}

func (c *compiler) content(p part) {
	c.contents++
	if c.attribute != "" {
		c.parts = append(c.parts, p)
		return
	}
	if len(c.stack) == 0 {
		return
	}
	e := &c.stack[len(c.stack)-1]
	if p.sub >= 0 {
		c.nested = append(c.nested, nest{p.sub, c.inside()})
	}
	if c.level() == 0 || p.sub == isText && c.level() < 2 && strings.TrimSpace(p.text) == "" {
		return
	}
	c.into(e)
	f := &c.fields[e.field]
	f.parts = append(f.parts, p)
}

// into gives an element the field that its text belongs to.
func (c *compiler) into(e *element) {
	if e.field >= 0 {
		return
	}
	name := e.name
	if e.name == "Data" || e.name == "ComplexData" {
		name = e.called
		if name == "" {
			name = "Data"
		}
	}
	e.field = c.fieldOf(name)
	c.fields[e.field].parts = append(c.fields[e.field].parts, e.prefix...)
}

// fieldOf finds or makes a field; what it has already is set apart.
func (c *compiler) fieldOf(name string) int {
	section := c.section()
	key := section + "\x00" + name
	at, known := c.at[key]
	if known {
		c.fields[at].parts = append(c.fields[at].parts, part{sub: isGap})
		return at
	}
	c.fields = append(c.fields, field{name: name, section: section})
	c.at[key] = len(c.fields) - 1
	return len(c.fields) - 1
}

func (c *compiler) endElement() {
	n := len(c.stack)
	if n == 0 {
		return
	}
	e := &c.stack[n-1]
	if e.field < 0 && !e.filled && c.level() > 1 && (c.section() != "System") {
		c.into(e) // <Data Name="x"/> is there, and empty
		f := &c.fields[e.field]
		f.parts = append(f.parts, part{sub: isText})
	}
	c.stack = c.stack[:n-1]
}

func (c *compiler) endAttribute() {
	name, parts := c.attribute, c.parts
	if name == "" || len(c.stack) == 0 {
		return
	}
	c.attribute, c.parts = "", nil
	e := &c.stack[len(c.stack)-1]
	if name == "xmlns" || strings.HasPrefix(name, "xmlns:") {
		return
	}
	if name == "Name" && (e.name == "Data" || e.name == "ComplexData") {
		for _, p := range parts {
			if e.called += p.text; p.sub != isText {
				e.called, e.prefix = "", append(parts, part{text: ": ", sub: isText})
				return
			}
		}
		return
	}
	called := e.name + "_" + name
	switch {
	case called == "TimeCreated_SystemTime":
		called = "TimeCreated"
	case called == "EventID_Qualifiers":
		called = "Qualifiers"
	case e.called != "":
		called = e.called + "_" + name
	}
	at := c.fieldOf(called)
	c.fields[at].parts = append(c.fields[at].parts, parts...)
}
