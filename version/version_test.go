package version

import (
	"errors"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	s := dotnetDays{}
	for _, c := range []struct {
		in    string
		build int
		err   error
	}{
		{"9511", 9511, nil}, {"Build 9511", 9511, nil}, {"build 9511", 9511, nil}, {" 9511 ", 9511, nil},
		{"9504 (Jan 8, 2026)", 9504, nil}, {"100.0.9511", 9511, nil}, {"100.0.9511.12345", 9511, nil},
		{"100.0.9742.26305+420ad0ab1234567890abcdef", 9742, nil}, {"100.0.9742.26305+420ad0ab", 9742, nil},
		{"16.3.6989.16341", 6989, nil}, {"15.7.5885.22222", 5885, nil}, {"15.7.5885", 5885, nil}, {"15.7.0.0", 0, nil}, {"16.0.0", 0, nil}, {"v100.0.9413", 9413, nil},
		{"SmarterMail Enterprise 15.7", 0, nil}, {"15.7", 0, nil}, {"16.x", 0, nil}, {"16", 0, nil}, {"9.2", 0, nil},
		{"SmarterMail Enterprise 16.3.6989", 6989, nil}, {"100.0.9413.0", 9413, nil}, {"7.1.3876", 3876, nil},
		{"SmarterMail Build 9610 (Apr 24, 2026)", 9610, nil}, {"9823", 9823, nil}, {"9999", 9999, nil},
		{"2999", 0, ErrTooSmall}, {"100.0.0.0", 0, ErrTooSmall}, {"1.0.0.0", 0, ErrTooSmall}, {"443", 0, ErrTooSmall},
		{"", 0, ErrNotVersion}, {"latest", 0, ErrNotVersion}, {"100.0", 0, ErrNotVersion}, {"0", 0, ErrNotVersion}, {"0.7", 0, ErrNotVersion},
		{"639035080380000000", 0, ErrNotVersion}, {"100.0.999999", 0, ErrNotVersion}, {"99999999999999999999", 0, ErrNotVersion},
		{"1.2.3.4.5", 0, ErrNotVersion}, {"sha256abcdef9511", 0, ErrNotVersion},
	} {
		v, err := s.Parse(c.in)
		if !errors.Is(err, c.err) || v.Build != c.build {
			t.Errorf("Parse(%q) = build %d, %v; want %d, %v", c.in, v.Build, err, c.build, c.err)
		}
	}
}

func TestCompare(t *testing.T) {
	s := dotnetDays{}
	for _, c := range []struct {
		a, b  string
		order int
		ok    bool
	}{
		{"16.3.6989.16341", "100.0.7000", -1, true}, {"100.0.9413.1", "9413", 0, true}, {"100.0.9413.9", "100.0.9413.1", 0, true},
		{"16.3.6989", "100.0.6985", 1, true}, {"9511", "9510", 1, true},
		{"15.7", "9413", -1, true}, {"9413", "15.7", 1, true}, {"16", "7000", -1, true},
		{"15.7", "5535", 0, false}, {"6919", "15.7", 0, false},
		{"15.7", "16.3", -1, true}, {"15.7", "15.6", 1, true}, {"15.7", "15.7", 0, true}, {"15.7.0.0", "15.7", 0, true}, {"15.7.0.0", "9413", -1, true}, {"15", "15.7", 0, false}, {"15", "16.3", -1, true},
		{"15.7", "13.3.5535", 1, true}, {"13.3", "13.3.5535", 0, false}, {"12.0", "13.3.5535", -1, true}, {"16.3", "16.3.7016", 0, false}, {"16", "16.3.6989", 0, false},
	} {
		order, ok := s.Compare(must(t, c.a), must(t, c.b))
		if ok != c.ok || ok && order != c.order {
			t.Errorf("Compare(%q, %q) = %d, %v; want %d, %v", c.a, c.b, order, ok, c.order, c.ok)
		}
	}
	if _, ok := s.Compare(Version{}, must(t, "9413")); ok {
		t.Error("the zero version was ordered")
	}
}

func must(t *testing.T, s string) Version {
	t.Helper()
	v, err := dotnetDays{}.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The vendor's own labels prove the arithmetic (dossier section 2.1).
func TestDate(t *testing.T) {
	for build, want := range map[string]string{"6970": "2019-01-31", "7803": "2021-05-13", "7957": "2021-10-14", "9504": "2026-01-08", "9823": "2026-11-23"} {
		day, ok := dotnetDays{}.Date(must(t, build))
		if !ok || day.Format(time.DateOnly) != want {
			t.Errorf("Date(%s) = %s, %v; want %s", build, day, ok, want)
		}
	}
	if _, ok := (dotnetDays{}).Date(must(t, "15.7")); ok {
		t.Error("15.7 has no day")
	}
}

func TestRange(t *testing.T) {
	s, ok := Lookup("dotnet-days")
	if !ok {
		t.Fatal("no dotnet-days")
	}
	for _, c := range []struct {
		text, v   string
		in, known bool
	}{
		{"vers:generic/<100.0.9413", "9406", true, true}, {"vers:generic/<100.0.9413", "9413", false, true},
		{"vers:generic/<100.0.9413", "15.7", true, true}, {"vers:generic/<5535", "12.0", false, false}, {"vers:generic/<13.3.5535", "12.0", true, true}, {"vers:generic/<13.3.5535", "15.7", false, true},
		{"vers:generic/>=8495|<8747", "8664", true, true}, {"vers:generic/>=8495|<8747", "8700", true, true},
		{"vers:generic/>=8495|<8747", "8494", false, true}, {"vers:generic/>=8495|<8747", "8747", false, true},
		{"vers:generic/>=8495|<8747", "15.7", false, true}, {"vers:generic/<=7537", "7537", true, true},
		{"vers:generic/=9.2", "9.2", true, true}, {"vers:generic/=9.2", "9.3", false, true},
	} {
		r, err := ParseRange(s, c.text)
		if err != nil {
			t.Fatal(err)
		}
		if in, known := r.Holds(s, must(t, c.v)); in != c.in || known != c.known {
			t.Errorf("%s holds %s: %v, %v; want %v, %v", c.text, c.v, in, known, c.in, c.known)
		}
	}
	if in, known := (Range{}).Holds(s, must(t, "9413")); in || known {
		t.Error("a range without bounds answered")
	}
	for _, bad := range []string{"", "<9413", "vers:generic/", "vers:generic/9413", "vers:generic/<abc", "vers:generic/<9413|", "vers:generic/<9413|<9511",
		"vers:generic/>9413|<9413", "vers:generic/>=9511|<9413", "vers:generic/=9413|<9500", "vers:generic/<16", "vers:generic/<=16.x", "vers:semver/<9413", "vers:generic/>=9.1|<5535"} {
		if _, err := ParseRange(s, bad); !errors.Is(err, ErrRange) {
			t.Errorf("ParseRange(%q): %v", bad, err)
		}
	}
	if _, ok := Lookup("semver"); ok {
		t.Error("semver is no scheme here")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"9511", "Build 9511", "9504 (Jan 8, 2026)", "100.0.9742.26305+420ad0ab", "15.7", "16.x"} {
		f.Add(s)
	}
	s := dotnetDays{}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := s.Parse(text)
		if err != nil {
			if !v.Zero() {
				t.Fatalf("%q: an error and a version", text)
			}
			return
		}
		if v.Build != 0 && (v.Build < smallestBuild || v.Build > largestBuild) {
			t.Fatalf("%q: build %d", text, v.Build)
		}
		if order, ok := s.Compare(v, v); ok && order != 0 {
			t.Fatalf("%q is not itself", text)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	f.Add("vers:generic/>=8495|<8747", "8664")
	f.Add("vers:generic/<100.0.9413", "15.7")
	s := dotnetDays{}
	f.Fuzz(func(t *testing.T, text, version string) {
		r, err := ParseRange(s, text)
		if err != nil {
			return
		}
		v, err := s.Parse(version)
		if err != nil {
			return
		}
		if in, known := r.Holds(s, v); in && !known {
			t.Fatalf("%q holds %q without knowing", text, version)
		}
	})
}
