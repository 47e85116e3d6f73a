package inflate

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"postern/evidence"
)

func packed(t testing.TB, text string, dictionary int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: dictionary}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(data []byte, dictionary int64) (string, error) {
	r, err := XZ(bytes.NewReader(data), bytes.NewReader(data), int64(len(data)), dictionary)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

func TestXZ(t *testing.T) {
	text := strings.Repeat("hello ", 5000)
	small, large := packed(t, text, 1<<16), packed(t, text, 1<<20)
	f := func(name string, data []byte, want string, err error) {
		t.Helper()
		if got, e := read(data, 1<<18); got != want && err == nil || !errors.Is(e, err) {
			t.Errorf("%s: %d bytes, %v, want %v", name, len(got), e, err)
		}
	}
	f("whole", small, text, nil)
	f("two streams", append(bytes.Clone(small), small...), text+text, nil)
	f("two streams, padding between", append(append(bytes.Clone(small), 0, 0, 0, 0), small...), text+text, nil)
	f("a dictionary too large", large, "", evidence.ErrLimit)
	f("such a one behind a small one", append(bytes.Clone(small), large...), "", evidence.ErrLimit)
	f("cut", small[:len(small)-30], "", io.ErrUnexpectedEOF)
}

func FuzzXZ(f *testing.F) {
	f.Add(packed(f, "hello", 1<<12))
	f.Add(append(packed(f, strings.Repeat("x", 9000), 1<<12), packed(f, "", 1<<20)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := XZ(bytes.NewReader(data), bytes.NewReader(data), int64(len(data)), 1<<16)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20)); err != nil && strings.Contains(err.Error(), "panicked") {
			t.Error(err)
		}
	})
}
