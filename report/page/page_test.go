package page

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"postern/report"
	"postern/verdict"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// read reads one of the reports that the tests of report keep.
func read(t testing.TB, name string) *report.Report {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := report.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// walk changes every string below v.
func walk(v reflect.Value, change func(string) string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(change(v.String()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), change)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), change)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), change)
		}
	}
}

func text(t testing.TB, r *report.Report, look Look) string {
	t.Helper()
	var out bytes.Buffer
	if err := Text(&out, r, look); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestText(t *testing.T) {
	cancelled := read(t, "entered")
	cancelled.Run.Cancelled = true
	for name, r := range map[string]*report.Report{
		"entered": read(t, "entered"), "many": read(t, "many"), "cancelled": cancelled, "none": read(t, "none"),
	} {
		for _, width := range []int{80, 40, 120} {
			out := text(t, r, Look{Width: width})
			for _, line := range strings.Split(out, "\n") {
				if columns(line) > width && width >= 80 {
					t.Errorf("%s: %d columns at width %d: %s", name, columns(line), width, line)
				}
			}
			if width == 80 {
				golden(t, name+".txt", []byte(out))
			}
		}
	}
	if !strings.Contains(text(t, read(t, "entered"), Look{Colour: true}), "\x1b[1;31m") {
		t.Error("no colour where it was asked for")
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look, then -update\n%s", path, got)
	}
	if i := bytes.IndexFunc(got, func(r rune) bool { return r > 0x7e }); i >= 0 && strings.HasSuffix(name, ".txt") {
		t.Errorf("%s: a character beyond ASCII, which an old console shows as something else: %q", path, got[i:min(len(got), i+8)])
	}
}

func TestTextShowsEveryTargetOfAHost(t *testing.T) {
	out := text(t, read(t, "many"), Look{})
	for _, want := range []string{"https://mail01.example.org/: exposed no", "case/mail01: exposed YES", "2 hosts", "exposed      1 YES, 1 none seen"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestHeadline(t *testing.T) {
	for _, tc := range []struct {
		exposed, compromised verdict.Answer
		reading              verdict.Reading
		says                 string
	}{
		{verdict.No, verdict.Yes, verdict.Entered, "Somebody got in. Its build is fixed."},
		{verdict.Yes, verdict.Unknown, verdict.OpenAttempt, "Somebody tried to get in; whether it worked is open. It is open to known attacks."},
		{verdict.No, verdict.Unknown, verdict.KnockedAt, "Somebody knocked, and nothing shows that anyone got in, but not all was seen. Its build is fixed."},
		{verdict.NoneSeen, verdict.NoneSeen, "", "Nothing shows a break-in. No installation was found."},
		{verdict.NotExamined, verdict.Unknown, "", "Nothing shows a break-in, but not all was seen."},
		{verdict.Unknown, verdict.NotExamined, "", "Whether anyone got in was not examined. Whether it is open to known attacks is not settled."},
	} {
		var a report.Answers
		a.Exposed.Answer, a.Compromised.Answer, a.Compromised.Reading = tc.exposed, tc.compromised, tc.reading
		if got := headline(&a); got != tc.says {
			t.Errorf("%v: %q", tc, got)
		}
	}
}

// TestAdviceFollowsSuspicion: what may be a break-in gets the order that keeps
// its evidence.
func TestAdviceFollowsSuspicion(t *testing.T) {
	r := read(t, "entered")
	a := &r.Hosts[0].Answers
	a.Compromised.Answer, a.Compromised.Reading = verdict.Unknown, verdict.Suspected
	do := strings.Join(steps(r, &r.Hosts[0]), "\n")
	treat, isolate, update := strings.Index(do, "Treat this host as entered"), strings.Index(do, "Isolate the host"), strings.Index(do, "update every installation")
	if treat != 0 || isolate < treat || update < isolate {
		t.Errorf("%s", do)
	}
	a.Compromised.Reading = verdict.KnockedAt
	if do = strings.Join(steps(r, &r.Hosts[0]), "\n"); strings.Contains(do, "Isolate the host") {
		t.Errorf("%s", do)
	}
}

func TestFirstSteps(t *testing.T) {
	r := read(t, "many")
	all := firstSteps(r)
	if len(all) != 2 || all[0].Who != "MAIL01" || !strings.HasPrefix(all[0].Step, "Isolate") {
		t.Errorf("%q", all)
	}
	for range 20 {
		r.Hosts = append(r.Hosts, r.Hosts[0])
	}
	if all = firstSteps(r); len(all) != 2 || !strings.HasSuffix(all[0].Who, "MAIL01 and 13 more") {
		t.Errorf("%q", all)
	}
}
