package settings_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"postern/pack/settings"
)

func TestRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"one value", `"x"`, `=x@0`},
		{"an object", `{"a": 1, "b": {"c": true}}`, `a=1@6 b.c=true@20`},
		{"an array", `{"a": [{"c": "x"}, "y"]}`, `a.0.c=x@13 a.1=y@19`},
		{"nested arrays", `[[1,2],[],[3]]`, `0.0=1@2 0.1=2@4 1=@7 2.0=3@11`},
		{"a text that looks like a name", `["a", "b"]`, `0=a@1 1=b@6`},
		{"nothing in it", `{"a": null, "b": {}, "c": [], "d": ""}`, `a=@6 b=@17 c=@26 d=@35`},
		{"words are not nothing", `{"a": "null", "b": "{}"}`, `a=null@6 b={}@19`},
		{"numbers as written", `[1.50, -2e+9, 123456789012345678901234567890]`, `0=1.50@1 1=-2e+9@7 2=123456789012345678901234567890@14`},
		{"a name twice", `{"p": "good", "p": "evil"}`, `p=good@6 p=evil@19`},
		{"an escaped name", `{"\u0070": "x"}`, `p=x@11`},
		{"a mark before it", "\xef\xbb\xbf" + `{"a": 1}`, `a=1@9`},
		{"blanks before it", "\r\n\t {\"a\" :\n1}", `a=1@11`},
		{"cut short", `{"a": 1, "b": `, `a=1@6 ! settings file: JSON after byte 12: EOF`},
		{"empty", ``, `! settings file: JSON after byte 0: EOF`},
		{"more after its end", `{"a": 1} {"b": 2}`, `a=1@6 ! settings file: JSON goes on after its end at byte 8`},
		{"not JSON", `a: 1`, `! settings file: JSON after byte 0: invalid character 'a' looking for beginning of value`},

		{"elements", `<a><b>x</b><c>y</c></a>`, `a.b=x@3 a.c=y@11`},
		{"elements of one name", `<a><b>x</b><b>y</b></a>`, `a.b=x@3 a.b=y@11`},
		{"attributes", `<a x="1"><b y="2">t</b><c z="3"/></a>`, `a.x=1@0 a.b.y=2@9 a.b=t@9 a.c.z=3@23`},
		{"an empty element", `<a><b/><c></c></a>`, `a.b=@3 a.c=@7`},
		{"text around elements", `<a>x<b>y</b>z</a>`, `a.b=y@4 a=xz@0`},
		{"blanks are no text", "<a>\n <b> y </b>\n</a>", `a.b=y@5`},
		{"name spaces", `<n:a xmlns:n="urn:x"><n:b>y</n:b></n:a>`, `a.n=urn:x@0 a.b=y@21`},
		{"entities and quoted text", `<a>&lt;&#x41;<![CDATA[<b>]]></a>`, `a=<A<b>@0`},
		{"what is no element", `<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY e "evil">]><!-- <x>y</x> --><a>1</a>`, `a=1@89`},
		{"an entity of its own", `<!DOCTYPE a [<!ENTITY e "evil">]><a>&e;</a>`, `! settings file: XML after byte 36: XML syntax error on line 1: invalid character entity &e;`},
		{"no UTF-8", `<?xml version="1.0" encoding="latin1"?><a>` + "\xe4</a>", `! settings file: XML after byte 0: xml: opening charset "latin1": encoding "latin1", and the bytes are not UTF-8`},
		{"ends crossed", `<a><b>x</a>`, `! settings file: XML after byte 7: XML syntax error on line 1: element <b> closed by </a>`},
		{"cut short too", `<a><b>x</b>`, `a.b=x@3 ! settings file: XML after byte 11: XML syntax error on line 1: unexpected EOF`},
		{"two roots", `<a>1</a><b>2</b>`, `a=1@0 b=2@8`},
	} {
		leaves, err := settings.Read([]byte(c.text))
		if have := written(leaves, err); have != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, have, c.want)
		}
		if err != nil && !errors.Is(err, settings.Err) {
			t.Errorf("%s: %v is not marked", c.name, err)
		}
	}
}

func written(leaves []settings.Leaf, err error) string {
	var all []string
	for _, l := range leaves {
		all = append(all, fmt.Sprintf("%s=%s@%d", l.Key, l.Value, l.Offset))
	}
	if err != nil {
		all = append(all, "! "+err.Error())
	}
	return strings.Join(all, " ")
}

// TestLimits: a limit ends the reading with an error and keeps what was read.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name, text string
		least      int
	}{
		{"depth", `[1, ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `]`, 1},
		{"depth of XML", `<a><b>1</b>` + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + `</a>`, 1},
		{"values", `[` + strings.Repeat("1,", 300_000) + `1]`, 200_000},
		{"a long name", `{"a": 1, "` + strings.Repeat("x", 5000) + `": 2}`, 1},
		{"a long name of XML", `<a><b>1</b><` + strings.Repeat("x", 5000) + `/></a>`, 1},
		{"long names", `{"a": 1, "` + strings.Repeat("x", 4000) + `": [` + strings.Repeat("1,", 20_000) + `1]}`, 1},
		{"size", `["` + strings.Repeat("x", 17<<20) + `"]`, 0},
	} {
		leaves, err := settings.Read([]byte(c.text))
		if err == nil || len(leaves) < c.least {
			t.Errorf("%s: %d leaves, %v", c.name, len(leaves), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"a": [{"c": "x"}, null, {}, []], "a": 1e3}`, "\xef\xbb\xbf[[1],[2]]", `{"a": `, `<a x="1"><b>y</b>z<c/></a>`, `<!DOCTYPE a [<!ENTITY e "e">]><a>&e;</a>`, `<a><b></a>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		leaves, err := settings.Read(text)
		if len(leaves) == 0 && err == nil {
			t.Fatalf("%q: neither a value nor an error", text)
		}
		last := int64(0)
		for _, l := range leaves {
			if l.Offset < 0 || l.Offset > int64(len(text)) {
				t.Fatalf("%q: leaf %+v lies outside", text, l)
			}
			last = max(last, l.Offset)
		}
		cut, _ := settings.Read(text[:last])
		if len(cut) > len(leaves) {
			t.Fatalf("%q: less text gives more leaves", text)
		}
	})
}
