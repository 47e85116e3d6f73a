package detect

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"postern/evidence"
)

func fileAt(path, content string) *evidence.Observation {
	o := &evidence.Observation{
		Kind: evidence.ObserveFile, Values: []string{path, "", "1"}, Ref: evidence.Ref{Collector: "files", Path: path}, Time: noon,
		Content: strings.NewReader(content), Size: int64(len(content)),
	}
	return o
}

func TestFiles(t *testing.T) {
	f := func(name string, o *evidence.Observation, want ...string) {
		t.Helper()
		x := begin(t)
		if err := observe(t, x, o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, f := range x.Result(now).Findings {
			got = append(got, f.Rule)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	far := strings.Repeat("x", contentWindow-5)
	f("dropped", fileAt(`C:\inetpub\wwwroot\KQZT_0.aspx`, ""), "dropped")
	f("excepted", fileAt(`C:\inetpub\wwwroot\vendor_0.aspx`, ""))
	f("another place", fileAt(`C:\temp\kqzt_0.aspx`, ""))
	f("magic and content", fileAt(`C:\inetpub\wwwroot\a.aspx`, "<%@ eval(Request"), "eval")
	f("content over a window's border", fileAt(`C:\inetpub\wwwroot\a.aspx`, "<%@"+far+"ProcessStartInfo"), "eval")
	f("content without magic", fileAt(`C:\inetpub\wwwroot\a.aspx`, " eval(Request"))
	f("text", fileAt(`C:\inetpub\wwwroot\a.aspx`, far+"PASS=abcdefgh1234"), "text")
	f("text far in", fileAt(`C:\inetpub\wwwroot\a.aspx`, far+far+"PASS=abcdefgh123"))
	f("beyond what the place asks for", fileAt(`C:\inetpub\wwwroot\a.aspx`, "<%@"+strings.Repeat("x", 1<<20)+"eval(Request"))
	f("a folder of a file's name", &evidence.Observation{Kind: evidence.ObserveFolder, Values: []string{`C:\inetpub\wwwroot\kqzt_0.aspx`}})
	f("folder", &evidence.Observation{Kind: evidence.ObserveFolder, Values: []string{`C:\SmarterMail\Domains\google.abc.com`}}, "domain")
	hashed := fileAt(`D:\x.exe`, "")
	hashed.Values[1] = "MD5=00,SHA256=0CEFEB6210B7103FD32B996BEFF518C9B6E1691A97BB1CDA7F5FB57905C4BE96"
	f("hash, wherever it is", hashed, "locker")
}

// spoiled is content whose reads fail, or end, behind good bytes.
type spoiled struct {
	good []byte
	err  error
}

func (s spoiled) ReadAt(b []byte, off int64) (int, error) {
	if off >= int64(len(s.good)) {
		return 0, s.err
	}
	n := copy(b, s.good[off:])
	if n < len(b) {
		return n, s.err
	}
	return n, nil
}

func TestReadErrors(t *testing.T) {
	f := func(name string, good string, fail, want error, found bool) {
		t.Helper()
		o := fileAt(`C:\inetpub\wwwroot\a.aspx`, "")
		o.Content, o.Size = spoiled{[]byte(good), fail}, 1<<19
		x := begin(t)
		err := observe(t, x, o)
		var read *evidence.ReadError
		if !errors.As(err, &read) || !errors.Is(err, want) {
			t.Errorf("%s: %v, want a ReadError of %v", name, err, want)
		}
		if (finding(x.Result(now), "eval") != nil) != found {
			t.Errorf("%s: found %v, want %v", name, !found, found)
		}
	}
	f("refused", "<%@", fs.ErrPermission, fs.ErrPermission, false)
	f("cut", "<%@"+strings.Repeat("x", 1<<18), io.EOF, evidence.ErrTruncated, false)
	f("found before the error", "<%@ eval(Request"+strings.Repeat("x", 100), fs.ErrPermission, fs.ErrPermission, true)

	o := fileAt(`C:\inetpub\wwwroot\a.aspx`, "")
	o.Content = nil
	x := begin(t)
	if err := observe(t, x, o); err != nil || len(x.Coverage()) == 0 {
		t.Errorf("content nobody gave: %v, coverage %+v", err, x.Coverage())
	}
}

// TestContentMatchesAsThePackDoes holds the windows against the loader's test
// of the same rule over bytes in memory.
func TestContentMatchesAsThePackDoes(t *testing.T) {
	x := begin(t)
	l := x.Lane(evidence.Ref{}).(*lane)
	for _, r := range x.engine.rules {
		if r.place == nil || !r.Match.TestsContent() {
			continue
		}
		for pad := contentWindow - 40; pad < contentWindow+5; pad += 4 {
			for _, end := range []string{"eval(Request", "ProcessStartInfo", "pass=ABCDEFGH1234", "nothing"} {
				data := append(append([]byte("<%@"), bytes.Repeat([]byte{0xff}, pad)...), end...)
				o := &evidence.Observation{Content: bytes.NewReader(data), Size: int64(len(data))}
				got, err := l.contentHolds(r, o)
				if want := r.Match.HoldsContent(data); err != nil || got != want {
					t.Fatalf("%s with %q behind %d bytes: %v %v, want %v", r.ID, end, pad, got, err, want)
				}
			}
		}
	}
}
