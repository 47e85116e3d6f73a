package detect

import (
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
	f("dropped", fileAt(`C:\inetpub\wwwroot\KQZT_0.aspx`, ""), "dropped")
	f("excepted", fileAt(`C:\inetpub\wwwroot\vendor_0.aspx`, ""))
	f("another place", fileAt(`C:\temp\kqzt_0.aspx`, ""))
	f("as it begins", fileAt(`C:\inetpub\wwwroot\a.aspx`, "<%@ x"), "page")
	f("shorter than it begins", fileAt(`C:\inetpub\wwwroot\a.aspx`, "<%"))
	f("begins otherwise", fileAt(`C:\inetpub\wwwroot\a.aspx`, " <%@"))
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
		if (finding(x.Result(now), "page") != nil) != found {
			t.Errorf("%s: found %v, want %v", name, !found, found)
		}
	}
	f("refused", "<%", fs.ErrPermission, fs.ErrPermission, false)
	f("cut", "<%", io.EOF, evidence.ErrTruncated, false)

	o := fileAt(`C:\inetpub\wwwroot\a.aspx`, "")
	o.Content = nil
	x := begin(t)
	if err := observe(t, x, o); err != nil || len(x.Coverage()) == 0 {
		t.Errorf("content nobody gave: %v, coverage %+v", err, x.Coverage())
	}
}
