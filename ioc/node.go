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
		if line, column := j.place(j.at); j.bundle {
			j.refuse(line, column, "", "it stands among the objects of a bundle and is none")
		}
		return j.skip() // of "response" and lists: a number, a message
	}
	n, err := j.node()
	if err == nil {
		j.whole(&n)
	}
	return err
}

// whole takes an object of the top, or of a bundle.
func (j *jsonList) whole(n *node) {
	switch {
	case j.bundle || strings.Contains(n.id, "--") || n.kind == "indicator":
		j.object(n)
	case len(n.attributes)+len(n.objects) > 0:
		j.event(n)
	case n.kind != "" && n.value != "":
		j.event(&node{attributes: []node{*n}})
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
		case "objects", "response", "Event":
			switch {
			case j.again, name == "objects" && j.next() != '[': // of STIX 2.0's observed-data
				return j.skip()
			case name == "objects":
				return j.objects()
			case name == "Event":
				j.Format = "MISP"
			}
			return j.top()
		case "Attribute":
			j.Format = "MISP"
			return j.nodes(&n.attributes)
		case "Object":
			j.Format = "MISP"
			return j.nodes(&n.objects)
		case "Tag":
			var tags []node
			err = j.nodes(&tags)
			for _, t := range tags {
				n.tags = append(n.tags, t.name)
			}
			return err
		case "external_references":
			return j.references(&n)
		case "labels", "indicator_types":
			return j.list(&n.labels)
		case "object_marking_refs":
			return j.list(&n.marks)
		case "revoked", "deleted":
			word, err := j.word()
			is := word == "true" || word == "1"
			n.revoked, n.deleted = n.revoked || is && name == "revoked", n.deleted || is && name == "deleted"
			return err
		}
		if field := n.field(name); field != nil && j.next() != '{' && j.next() != '[' {
			*field, err = j.word()
			return err
		}
		return j.skip()
	})
	return n, err
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

// nodes reads a list of objects; null and {} are none.
func (j *jsonList) nodes(all *[]node) error {
	if j.next() != '[' {
		return j.skip()
	}
	return j.array(func() error {
		n, err := j.node()
		*all = append(*all, n)
		return err
	})
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
