package plain

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"a":                              "a",
		"z\xfcrich":                      "z\xfcrich",
		"\xef\xbb\xbfz\u00fcrich":        "z\u00fcrich",
		"\xff\xfez\x00\xfc\x00":          "z\u00fc",
		"\xfe\xff\x00z\x00\xfc":          "z\u00fc",
		"\xff\xfe\x3d\xd8\x00\xde!\x00":  "\U0001f600!",
		"\xff\xfe\x3d\xd8!\x00\x00\xde!": "\ufffd!\ufffd\ufffd",
		"\xff\xfe" + strings.Repeat("a\x00", 1000): strings.Repeat("a", 1000),
	} {
		got, err := io.ReadAll(iotest.HalfReader(Text(iotest.HalfReader(strings.NewReader(in)))))
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		if head := Head([]byte(in)); string(head) != want {
			t.Errorf("head of %q: %q", in, head)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("\xff\xfe\x3d\xd8\x00\xde"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := io.ReadAll(Text(bytes.NewReader(b)))
		if err != nil || !bytes.Equal(got, Head(b)) {
			t.Errorf("%q, %v, head %q", got, err, Head(b))
		}
		if skip, order := byteOrderMark(b); order != nil && !utf8.Valid(got) || order == nil && !bytes.Equal(got, b[skip:]) {
			t.Errorf("%q of %q", got, b)
		}
	})
}
