package ioc

import (
	"bufio"
	"fmt"
	"strings"
)

// node is one object of a STIX bundle or a MISP export, as far as it is read.
type node struct {
	at                                   int // offset
	kind, id, name, text                 string
	pattern, language, from, until, last string // last: modified; from, until: of validity, or seen
	value, category, idsFlag, confidence string
	revoked, deleted                     bool
	labels, marks, sources, tags         []string
	attributes, objects                  []node
	holds                                bool // it holds events, attributes or objects, be they none
	noList                               bool // its "objects" are no list
}

// readJSON reads STIX or MISP, which their names tell apart.
func (l *List) readJSON(in *bufio.Reader) error {
	text, err := l.readAll(in)
	if err != nil {
		return err
	}
	j := &jsonList{List: l, reader: newReader(l.Name, text), newest: map[string]int{}}
	if err := j.top(); err != nil {
		return err
	}
	if err := j.end(); err != nil {
		return err
	}
	if j.Format == "" {
		return fmt.Errorf("%w: %s is JSON, and neither STIX (\"objects\") nor MISP (\"Event\", \"Attribute\")", ErrFormat, l.Name)
	}
	return j.stix()
}

// jsonList is a list that is being read.
type jsonList struct {
	*List
	*reader
	indicators []version      // of STIX
	newest     map[string]int // indicators, by id
	bundle     bool           // inside a bundle's objects
	again      bool           // an indicator is read once more
	observed   map[string]int // how many objects of STIX that are observations, by type
}

// top reads a value that may hold objects: one, or a list of them.
func (j *jsonList) top() error {
	if j.next() == '[' {
		return j.array(j.top)
	}
	if j.next() != '{' {
		at := j.at
		word, err := j.word()
		if err == nil && (word != "" || j.bundle) {
			j.refuseAt(at, "", "it stands among the objects and is none")
		}
		return err
	}
	n, err := j.node()
	if err == nil {
		j.whole(&n)
	}
	return err
}

func (j *jsonList) refuseAt(at int, id, why string) {
	line, column := j.place(at)
	j.refuse(line, column, id, why)
}

// whole takes an object of the top, or of a bundle. One of which nothing can be
// taken is refused: an indicator under another name is not passed over.
func (j *jsonList) whole(n *node) {
	switch {
	case n.noList && n.kind != "observed-data":
		j.refuseAt(n.at, n.id, "its \"objects\" are no list, and are not read")
	case !j.bundle && len(n.attributes)+len(n.objects) > 0:
		j.event(n)
	case j.bundle || strings.Contains(n.id, "--") || strings.EqualFold(n.kind, "indicator"):
		j.object(n)
	case n.kind != "" && n.value != "":
		j.event(&node{attributes: []node{*n}})
	case n.holds || n.kind+n.value+n.pattern == "" && n.id+n.text != "": // what stands in it was taken; an event that is named and has no attribute
	default:
		j.refuseAt(n.at, n.id, "neither an event nor an indicator, nor an attribute with type and value")
	}
}

// first are the names of a bundle's objects that tell which of them count.
var first = map[string]bool{"type": true, "id": true, "modified": true, "objects": true}

// node reads one object.
func (j *jsonList) node() (n node, err error) {
	j.next()
	n.at = j.at
	err = j.reader.object(func(name string) (err error) {
		if j.bundle && !first[name] { // of an indicator the rest is read when the newest version is known
			return j.skip()
		}
		switch name {
		case "objects":
			if j.next() == '[' && !j.again {
				n.holds = true
				return j.objects()
			}
			n.noList = n.noList || j.next() != 'n' // a map of STIX 2.0's observed-data; null is none
			return j.skip()
		case "response", "Event":
			if j.again {
				return j.skip()
			}
			if n.holds = true; name == "Event" {
				j.Format = "MISP"
			}
			return j.top()
		case "Attribute", "Object":
			j.Format, n.holds = "MISP", true
			if name == "Object" {
				return j.nodes(name, &n.objects)
			}
			return j.nodes(name, &n.attributes)
		case "more": // of a TAXII envelope (TAXII 2.1, section 3.7)
			return j.more()
		case "Tag":
			return j.named(name, &n.tags)
		case "external_references":
			return j.references(&n)
		case "labels", "indicator_types":
			return j.list(&n.labels)
		case "object_marking_refs":
			return j.list(&n.marks)
		case "revoked", "deleted":
			word, err := j.word()
			is, _ := truth(word)
			n.revoked, n.deleted = n.revoked || is && name == "revoked", n.deleted || is && name == "deleted"
			return err
		}
		if field := n.field(name); field != nil && j.next() != '{' && j.next() != '[' {
			*field, err = j.word()
			return err
		}
		if j.next() == '{' && !j.again && name != "" && strings.Trim(name, "0123456789") == "" { // one of a list that was written as a map
			n.holds = true
			return j.top()
		}
		return j.skip()
	})
	return n, err
}

// more reads whether a server has more than what it answered.
func (j *jsonList) more() error {
	if c := j.next(); c == '{' || c == '[' || j.again {
		return j.skip()
	}
	at := j.at
	word, err := j.word()
	if is, _ := truth(word); err == nil && is {
		j.refuseAt(at, "", "this is one page of several (\"more\": true): fetch the others and put their objects into one list")
	}
	return err
}

// truth reads what is true or false, however it is spelt; known is false for
// anything else.
func truth(word string) (is, known bool) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "true", "1", "yes":
		return true, true
	case "false", "0", "no":
		return false, true
	}
	return false, false
}

// objects reads the objects of a bundle.
func (j *jsonList) objects() error {
	outer := j.bundle
	j.Format, j.bundle = "STIX", true
	defer func() { j.bundle = outer }()
	return j.array(j.top)
}

// field is where a text is kept, nil for one that nobody asks for.
func (n *node) field(name string) *string {
	switch name {
	case "type":
		return &n.kind
	case "id":
		if n.id == "" {
			return &n.id
		}
	case "uuid":
		return &n.id
	case "name":
		return &n.name
	case "description", "info", "comment":
		return &n.text
	case "pattern":
		return &n.pattern
	case "pattern_type":
		return &n.language
	case "valid_from", "first_seen":
		return &n.from
	case "valid_until", "last_seen":
		return &n.until
	case "modified":
		return &n.last
	case "value":
		return &n.value
	case "category":
		return &n.category
	case "to_ids":
		return &n.idsFlag
	case "confidence":
		return &n.confidence
	}
	return nil
}

// nodes reads a list of objects, also one that was written as a map of them, and
// the one that stands in its place; null and {} are none.
func (j *jsonList) nodes(name string, all *[]node) error {
	each := func() error {
		n, err := j.node()
		*all = append(*all, n)
		return err
	}
	switch j.next() {
	case '[':
		return j.array(each)
	case '{':
		isMap, err := j.holdsObjects()
		switch {
		case err != nil:
			return err
		case isMap:
			return j.reader.object(func(string) error { return each() })
		}
		return each()
	}
	at := j.at
	word, err := j.word()
	if err == nil && word != "" && name != "Tag" {
		j.refuseAt(at, "", "its "+name+" is no list, and is not read")
	}
	return err
}

// holdsObjects reports whether an object's values are all objects, and stays
// before it.
func (j *jsonList) holdsObjects() (all bool, err error) {
	from := j.at
	all = true
	err = j.members(false, func(string) error {
		all = all && j.next() == '{'
		return j.skip()
	})
	j.at = from
	return all, err
}

// named reads the names of a list of objects.
func (j *jsonList) named(name string, all *[]string) error {
	var tags []node
	err := j.nodes(name, &tags)
	for _, t := range tags {
		*all = append(*all, t.name)
	}
	return err
}

func (j *jsonList) list(all *[]string) error {
	words, err := j.words()
	*all = append(*all, words...)
	return err
}

// references reads where an indicator was published.
func (j *jsonList) references(n *node) error {
	if j.next() != '[' {
		return j.skip()
	}
	return j.array(func() error {
		source, id, url := "", "", ""
		err := j.reader.object(func(name string) (err error) {
			switch name {
			case "source_name":
				source, err = j.word()
			case "external_id":
				id, err = j.word()
			case "url":
				url, err = j.word()
			default:
				err = j.skip()
			}
			return err
		})
		if url == "" {
			url = strings.TrimSpace(source + " " + id)
		}
		if url != "" && len(n.sources) < maxSources {
			n.sources = append(n.sources, Cut(url, maxSource))
		}
		return err
	})
}
