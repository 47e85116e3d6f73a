package windows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"postern/evidence"
)

const (
	repository = `C:\Windows\System32\wbem\Repository\OBJECTS.DATA`
	maxObjects = 64 << 20
	overlap    = 64 << 10 // of two pieces of the repository: a consumer is no longer
	piece      = 1 << 20
	tail       = 1 << 10 // behind a consumer's command, where its name stands

	maxConsumers = 4096
	maxCommand   = 8 << 10
)

var (
	// boundFilter is a filter as a binding refers to it.
	boundFilter = regexp.MustCompile(`__EventFilter\.Name="([^"\x00]{1,200})"`)
	// query is what a filter waits for.
	query = regexp.MustCompile(`(?i)\bselect\s+[\w*., ]{1,200}\s+from\s+\w{1,100}[^\x00]{0,1000}`)
	// boundConsumer is a consumer as a binding refers to it.
	boundConsumer = regexp.MustCompile(`(CommandLineEventConsumer|ActiveScriptEventConsumer|LogFileEventConsumer|SMTPEventConsumer)\.Name="([^"\x00]{1,200})"`)
)

// runners are the classes of consumers that run something.
var runners = [][]byte{[]byte("CommandLineEventConsumer\x00"), []byte("ActiveScriptEventConsumer\x00")}

// wideConsumer stands in references whose name one byte a letter does not hold.
var wideConsumer = []byte("E\x00v\x00e\x00n\x00t\x00C\x00o\x00n\x00s\x00u\x00m\x00e\x00r\x00.\x00N\x00a\x00m\x00e\x00=\x00")

// halved reads UTF-16 as one byte a letter; others are a question mark.
func halved(data []byte) []byte {
	out := make([]byte, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		c := data[i]
		if data[i+1] != 0 {
			c = '?'
		}
		out = append(out, c)
	}
	return out
}

// consumersIn finds consumers behind the names of their classes: texts and zeros.
func consumersIn(data []byte) (all []consumer) {
	for _, class := range runners {
		for rest := data; ; {
			at := bytes.Index(rest, class)
			if at < 0 || len(all) >= maxConsumers {
				break
			}
			rest = rest[at+len(class):]
			text := bytes.TrimLeft(rest[:min(len(rest), 2)], "\x00")
			text = rest[min(len(rest), 2)-len(text) : min(len(rest), maxCommand)]
			text, _, _ = bytes.Cut(text, []byte{0})
			if len(text) > 1 {
				behind := rest[min(len(rest), len(text)):]
				all = append(all, consumer{string(class[:len(class)-1]), strings.TrimSpace(narrow(text)), string(behind[:min(len(behind), tail)])})
			}
		}
	}
	return all
}

// wmi observes the consumers that a filter is bound to, found in the repository's bytes:
// what was deleted may still stand there, and what the command of a consumer is, is
// told where it stands behind its class's name.
func (r *reader) wmi() {
	name, ok := r.Src.Locate(repository)
	if !ok {
		return
	}
	var entry evidence.Entry
	err := r.Src.Files.Walk(r.Ctx, name, func(e evidence.Entry) error { entry = e; return fs.SkipAll })
	if err == nil {
		err = entry.Err
	}
	var f evidence.File
	if err == nil {
		f, err = r.Src.Files.Open(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.Shut(name.Dir())
		r.lacking(repository, "it holds the event consumers of WMI")
		return
	case err != nil:
		r.Lost(evidence.CoverFile, string(name), err)
		return
	}
	defer f.Close()
	r.Files++
	size := f.Size()
	if size > maxObjects {
		r.Gap(evidence.CoverFile, string(name), evidence.TooLarge, "what stands behind its first 64 MiB was not looked through")
		size = maxObjects
	}
	c := carved{bound: map[string]binding{}, queries: map[string]string{}}
	for at := int64(0); at < size && r.Ctx.Err() == nil; at += piece {
		data := make([]byte, min(piece+overlap, size-at))
		if n, err := f.ReadAt(data, at); n < len(data) {
			if err == nil || errors.Is(err, io.EOF) {
				err = evidence.ErrTruncated
			}
			r.Lost(evidence.CoverFile, string(name), err)
			return
		}
		if bytes.Contains(data, []byte("EventConsumer.Name=")) {
			c.add(data, at)
		}
		if i := bytes.Index(data, wideConsumer); i >= 0 {
			c.add(halved(data[i%2:]), at)
		}
	}
	if len(c.bound) >= maxConsumers || len(c.texts) >= maxConsumers {
		r.Gap(evidence.CoverFile, string(name), evidence.TooLarge, fmt.Sprintf("more than %d event consumers; the rest was not read", maxConsumers))
	}
	r.consumers(entry, &c)
}

// binding is where a consumer is bound, and to which filter.
type binding struct {
	at     int64 // in the file
	filter string
}

// carved is what was found of event consumers in the repository's bytes.
type carved struct {
	bound   map[string]binding // by class and name
	queries map[string]string  // of filters, by their names
	texts   []consumer
}

// near is how far the parts of a binding, or of a filter, stand from one another.
const near = 512

// add looks through a piece of the repository, which begins at an offset.
func (c *carved) add(data []byte, at int64) {
	for _, m := range boundConsumer.FindAllSubmatchIndex(data, -1) {
		key := string(data[m[2]:m[3]]) + " " + string(data[m[4]:m[5]])
		if _, known := c.bound[key]; known || len(c.bound) >= maxConsumers {
			continue
		}
		filter := ""
		if f := boundFilter.FindSubmatch(data[m[1]:min(len(data), m[1]+near)]); f != nil {
			filter = narrow(f[1])
		} else if all := boundFilter.FindAllSubmatch(data[max(0, m[0]-near):m[0]], -1); all != nil {
			filter = narrow(all[len(all)-1][1])
		}
		c.bound[key] = binding{at + int64(m[0]), filter}
	}
	for _, m := range query.FindAllIndex(data, maxConsumers) {
		c.ask(data[max(0, m[0]-near):m[0]], narrow(data[m[0]:m[1]]))
	}
	if len(c.texts) < maxConsumers {
		c.texts = append(c.texts, consumersIn(data)...)
	}
}

// ask notes a filter's question by each text that stands before it: its name is one.
func (c *carved) ask(before []byte, query string) {
	if at := bytes.LastIndex(before, []byte("__EventFilter")); at >= 0 {
		for name := range bytes.SplitSeq(before[at:], []byte{0}) {
			if len(name) > 0 && len(c.queries) < 4*maxConsumers {
				c.queries[narrow(name)] = query
			}
		}
	}
}

// consumer is what stands behind the name of a consumer's class: its command or
// script, and what follows, its own name among it.
type consumer struct{ class, text, behind string }

// consumers observes the bound consumers with the commands that stand in the repository.
func (r *reader) consumers(e evidence.Entry, c *carved) {
	for _, key := range slices.Sorted(maps.Keys(c.bound)) {
		class, name, _ := strings.Cut(key, " ")
		command, details := "", "bound in the repository's bytes"
		for _, t := range c.texts {
			if t.class == class && strings.Contains(t.behind, name) {
				command = t.text
			}
		}
		bound := c.bound[key]
		if bound.filter != "" {
			details += ", by filter " + bound.filter
		}
		if query := c.queries[bound.filter]; query != "" {
			details += ": " + query
		}
		if command == "" {
			details += "; its command was not found"
		}
		r.start(autostart{ref: evidence.Ref{Path: string(e.Name), Unit: evidence.Offset, At: bound.at}, at: newest(e), kind: evidence.StartWMI, name: name, command: command, object: repository + " " + class, details: details})
	}
}
