package collect

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/saferwall/pe"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

func TestReadProgram(t *testing.T) {
	f := func(version, assembly string, want stated) {
		t.Helper()
		got, err := readProgram(evidencetest.PE(version, assembly))
		if err != nil || got != want {
			t.Errorf("%q %q: %+v, %v", version, assembly, got, err)
		}
	}
	f("100.0.9413.30415", "", stated{"100.0.9413.30415", "100.0.9413.30415", ""})
	f("100.0.9742.26305+420ad0ab", "100.0.9742.26305", stated{"100.0.9742.26305", "100.0.9742.26305+420ad0ab", "100.0.9742.26305"})
	f("", "100.0.9413.1", stated{"", "", "100.0.9413.1"})
	f("", "", stated{})
}

func TestReadProgramThatIsNone(t *testing.T) {
	f := func(data string, want error) {
		t.Helper()
		if got, err := readProgram([]byte(data)); !errors.Is(err, want) || got != (stated{}) {
			t.Errorf("%q: %+v, %v", data, got, err)
		}
	}
	f("", evidence.ErrTruncated)
	f("\x7fELF\x02", nil)
	f("#!/bin/sh\n", errNoProgram)
	f("MZ", evidence.ErrTruncated)
}

// TestCutProgramSaysSo cuts a program at every length: never a different
// version, never silence.
func TestCutProgramSaysSo(t *testing.T) {
	whole := evidencetest.PE("100.0.9413.30415", "100.0.9413.30415")
	want, _ := readProgram(whole)
	for n := range len(whole) {
		got, err := readProgram(whole[:n])
		if err == nil {
			t.Fatalf("%d of %d bytes read as whole", n, len(whole))
		}
		if got.file != "" && got.file != want.file || got.assembly != "" && got.assembly != want.assembly {
			t.Fatalf("%d of %d bytes: %+v", n, len(whole), got)
		}
	}
}

// TestRealProgram reads what others compiled: Wine's own libraries.
func TestRealProgram(t *testing.T) {
	for _, name := range []string{"kernel32", "ntdll", "user32", "crypt32"} {
		path := "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/" + name + ".dll"
		data, err := os.ReadFile(path)
		if err != nil {
			t.Skipf("no Wine here: %v", err)
		}
		got, err := readProgram(data)
		if err != nil || !regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`).MatchString(got.file) || got.product == "" {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
}

func TestPatternVersions(t *testing.T) {
	p := regexp.MustCompile(`100\.0\.\d{4,5}\.\d+`)
	wide := func(s string) string {
		out := ""
		for _, c := range s {
			out += string([]byte{byte(c), 0})
		}
		return out
	}
	f := func(data string, want ...string) {
		t.Helper()
		if got := patternVersions([]byte(data), p); !slices.Equal(got, want) {
			t.Errorf("%q: %q", data, got)
		}
	}
	f("xx 100.0.9413.1 yy 100.0.9413.1", "100.0.9413.1")
	f("x"+wide("100.0.9511.22")+"\x00\x01", "100.0.9511.22")
	f(wide("v100.0.9511.22 "), "100.0.9511.22")
	f("100.0.9413.1\x00100.0.9511.1", "100.0.9413.1", "100.0.9511.1")
	f("nothing")
}

func FuzzReadProgram(f *testing.F) {
	f.Add(evidencetest.PE("100.0.9413.30415", "")[:0xA00])
	f.Add(evidencetest.PE("", "100.0.9413.30415"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := readProgram(data); err == nil && len(data) < 64 && s != (stated{}) {
			t.Errorf("a version out of %d bytes: %+v", len(data), s)
		}
	})
}

// TestProgramFacts: what a program tells of itself, and that other files are none.
func TestProgramFacts(t *testing.T) {
	data := evidencetest.PE("1.2.3.4", "")
	p, err := programFacts(bytes.NewReader(data), int64(len(data)))
	if err != nil || p == nil || p.FileVersion != "1.2.3.4" || p.Signature != evidence.SignatureNone {
		t.Errorf("%+v, error %v", p, err)
	}
	for _, other := range []string{"", "MZ", "#!/bin/sh\n", string(make([]byte, 4096))} {
		if p, err := programFacts(strings.NewReader(other), int64(len(other))); p != nil || err != nil {
			t.Errorf("%.10q: %+v, error %v", other, p, err)
		}
	}
}

// TestVersionAsSaferwall: the version resources that saferwall/pe reads of the programs
// that come with it.
func TestVersionAsSaferwall(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/saferwall/pe").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "test", "*.*"))
	compared := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil || !bytes.HasPrefix(data, []byte("MZ")) {
			continue
		}
		file, err := pe.NewBytes(data, &pe.Options{Logger: mute{}, OmitSecurityDirectory: true})
		if err != nil || file.Parse() != nil {
			continue
		}
		want, err := file.ParseVersionResources()
		if err != nil || len(want) == 0 {
			continue
		}
		m := openImage(bytes.NewReader(data))
		if m == nil {
			t.Errorf("%s: no image", filepath.Base(name))
			continue
		}
		compared++
		got := m.version()
		for _, key := range []string{"FileVersion", "CompanyName", "OriginalFilename"} { // product names come in several languages
			if strings.TrimSpace(got[key]) != strings.TrimSpace(want[key]) && want[key] != "" {
				t.Errorf("%s: %s %q, want %q", filepath.Base(name), key, got[key], want[key])
			}
		}
	}
	if compared < 10 {
		t.Errorf("%d programs compared: there are more", compared)
	}
}
