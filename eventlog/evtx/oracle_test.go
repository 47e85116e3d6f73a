package evtx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"postern/evidence"
)

// TestOracle: the values of recorded attacks are those that libevtx gives, of
// every second file that it exports as XML at all.
func TestOracle(t *testing.T) {
	export, err := exec.LookPath("evtxexport")
	if err != nil || testing.Short() {
		t.Skip("no evtxexport (libevtx-utils), or short")
	}
	records, values := 0, 0
	for i, name := range corpus(t, "evtx/mitre") {
		if i%2 > 0 {
			continue
		}
		out, err := exec.CommandContext(t.Context(), export, "-f", "xml", name).Output()
		if err != nil {
			continue // it has no way with attributes outside of templates
		}
		want := map[string]map[string]string{}
		for _, doc := range regexp.MustCompile(`(?s)<Event .*?</Event>`).FindAll(out, -1) {
			if flat, err := flatXML(doc); err == nil { // it escapes no control characters
				want[flat["EventRecordID"]] = flat
			}
		}
		readFile(t, name, Options{}, func(e *evidence.Event) {
			flat := want[string(e.Values[e.Index("EventRecordID")])]
			if flat == nil {
				return
			}
			records++
			for at, f := range e.Fields {
				have := alike(string(e.Values[at]))
				if values++; have != alike(flat[f]) {
					t.Errorf("%s: record %d: %s is %q, libevtx has %q", name, e.Ref.At, f, e.Values[at], flat[f])
				}
				delete(flat, f)
			}
			for f, v := range flat {
				if v != "" {
					t.Errorf("%s: record %d: libevtx has %s: %q", name, e.Ref.At, f, v)
				}
			}
		})
	}
	t.Logf("%d values of %d records", values, records)
}

var (
	hexadecimal = regexp.MustCompile(`^0x0*([0-9a-fA-F]+)$`)
	moment      = regexp.MustCompile(`^(\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d\.\d*?)0*z$`)
)

// alike makes one of what both write differently: hexadecimal numbers, which
// libevtx pads, times, which it gives nine digits, GUIDs, in lower case there,
// and blanks.
func alike(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	return moment.ReplaceAllString(hexadecimal.ReplaceAllString(s, "0x$1"), "${1}z")
}

// flatXML names the values of an event as the package's comment says.
func flatXML(doc []byte) (map[string]string, error) {
	flat := map[string]string{}
	var path []string
	systems := map[string]bool{}
	put := func(name, text string) {
		if path[1] == "System" {
			systems[name] = true
		} else if systems[name] {
			name = path[1] + "_" + name
		}
		if have, known := flat[name]; known {
			text = have + "\n" + text
		}
		flat[name] = text
	}
	var text string
	filled := false
	for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return flat, nil
		} else if err != nil {
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			called := e.Name.Local
			path = append(path, called)
			for _, a := range e.Attr {
				switch {
				case a.Name.Local == "xmlns" || a.Name.Space == "xmlns":
				case called == "Data" && a.Name.Local == "Name":
					called = a.Value
				case called == "TimeCreated":
					put(called, a.Value)
				case called == "EventID":
					put(a.Name.Local, a.Value)
				default:
					put(called+"_"+a.Name.Local, a.Value)
				}
			}
			path[len(path)-1], text, filled = called, "", false
		case xml.CharData:
			text += string(e)
		case xml.EndElement:
			if _, known := flat[path[len(path)-1]]; len(path) > 1 && !filled && (text != "" || !known) {
				put(path[len(path)-1], text)
			}
			path, filled = path[:len(path)-1], true
		}
	}
}
