package evtx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"postern/evidence"
)

// TestGolden: SigmaHQ's regression data decodes as the files beside it say,
// which evtx_dump wrote. What differs by design is said in same.
func TestGolden(t *testing.T) {
	files, events, fields := 0, 0, 0
	for _, name := range corpus(t, "sigma/regression_data") {
		text, err := os.ReadFile(strings.TrimSuffix(name, ".evtx") + ".json")
		if err != nil {
			t.Error(err)
			continue
		}
		files++
		want := goldenEvents(t, text)
		i := 0
		readFile(t, name, Options{}, func(e *evidence.Event) {
			if i >= len(want) {
				t.Errorf("%s: more events than the golden file has", name)
				return
			}
			fields += compare(t, name, e, want[i])
			i++
		})
		events += i
		if i != len(want) {
			t.Errorf("%s: %d events, want %d", name, i, len(want))
		}
	}
	t.Logf("%d files, %d events, %d fields", files, events, fields)
}

// edited is a rule whose golden file spells "Explorer.EXE" otherwise than the
// record's bytes do.
const edited = "ad691d92-15f2-4181-9aa4-723c74f9ddc3"

func goldenEvents(t *testing.T, text []byte) (all []map[string]string) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		var doc map[string]any
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		flat := map[string]string{}
		event, _ := doc["Event"].(map[string]any)
		for section, in := range event {
			if section != "#attributes" {
				flatten(flat, "", in)
			}
		}
		all = append(all, flat)
	}
}

// flatten names what evtx_dump gives as the package's comment says.
func flatten(flat map[string]string, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, in := range v {
			switch key {
			case "#attributes":
				for attr, text := range in.(map[string]any) {
					if called := name + "_" + attr; attr != "xmlns" {
						flatten(flat, strings.TrimSuffix(strings.Replace(called, "EventID_Qualifiers", "Qualifiers", 1), "_SystemTime"), text)
					}
				}
			case "#text":
				flatten(flat, name, in)
			default:
				flatten(flat, key, in)
			}
		}
	case string:
		flat[name] = v
	case json.Number:
		flat[name] = v.String()
	case bool:
		flat[name] = strconv.FormatBool(v)
	}
}

func compare(t *testing.T, name string, e *evidence.Event, want map[string]string) (fields int) {
	t.Helper()
	have := map[string]string{}
	for i, f := range e.Fields {
		if e.Values[i] != nil {
			have[f] = string(e.Values[i])
		}
	}
	for f, w := range want {
		h, ok := have[f]
		if delete(have, f); !ok || !same(f, h, w) && !strings.Contains(name, edited) {
			t.Errorf("%s: %s is %q, want %q", name, f, h, w)
		}
		fields++
	}
	for f, h := range have {
		if h != "" { // evtx_dump leaves empty elements out, or gives null
			t.Errorf("%s: %s is %q, and not in the golden file", name, f, h)
		}
	}
	return fields
}

// same compares a value with evtx_dump's: that writes a GUID without the braces
// that Windows puts around it, a time to the microsecond, and no blanks at the
// end of a text.
func same(field, have, want string) bool {
	if field == "TimeCreated" {
		return strings.HasPrefix(have, strings.TrimRight(strings.TrimSuffix(want, "Z"), "0"))
	}
	return strings.TrimSpace(have) == strings.TrimSpace(want) || have == "{"+want+"}"
}
