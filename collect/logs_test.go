package collect

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

func eventPaths(out *evidencetest.Sink) []string {
	var paths []string
	for _, e := range out.Events {
		paths = append(paths, e.Ref.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func TestLogsAreRead(t *testing.T) {
	out := run(t, "logs", linux(tree{
		"var/lib/mail/Logs/2026.01.17-administrative.log": text(adminLines),
		"srv/old logs/2026.01.16-administrative.log":      text(adminLines),
		"srv/old logs/readme.zip":                         text("PK no archive"),
		"srv/photos/holiday.zip":                          text("PK no archive"),
		"var/lib/mail/Logs/odd.log":                       text("\x00\x01\x02"),
		"var/lib/mail/Domains/a/files/my.log":             text("\x00\x01\x02"),
	}))
	want := []string{"srv/old logs/2026.01.16-administrative.log", "var/lib/mail/Logs/2026.01.17-administrative.log"}
	if got := eventPaths(out); !slices.Equal(got, want) || len(out.Events) != 4 {
		t.Errorf("%d events from %q", len(out.Events), got)
	}
	var gaps []string
	for _, g := range out.Gaps() {
		gaps = append(gaps, g.Path)
	}
	if want := []string{"srv/old logs/readme.zip", "var/lib/mail/Logs/odd.log"}; !slices.Equal(gaps, want) {
		t.Errorf("gaps at %q, want %q", gaps, want)
	}
}

// TestWhatIsNoFile: what has a log's name and is none is a gap, of what has any
// other it is not.
func TestWhatIsNoFile(t *testing.T) {
	lost := evidencetest.File{Kind: fs.ModeSymlink, WalkErr: fs.ErrNotExist}
	out := run(t, "logs", linux(tree{
		"var/lib/mail/Logs/2026.01.17-administrative.log": {Kind: fs.ModeNamedPipe},
		"var/lib/mail/Logs/2026.01.18-administrative.log": lost,
		"var/lib/mail/Logs/2026.01.19-administrative.log": {Kind: fs.ModeSocket},
		"etc/pipe": {Kind: fs.ModeNamedPipe},
		"etc/link": lost,
	}))
	if gaps := out.Gaps(); len(gaps) != 2 || !said(out, "var/lib/mail/Logs/2026.01.17-administrative.log", evidence.Unsupported, evidence.CompromisedThen) ||
		!said(out, "var/lib/mail/Logs/2026.01.18-administrative.log", evidence.Absent, evidence.CompromisedThen) {
		t.Errorf("gaps %+v", gaps)
	}
}

// TestPileOfLogs: every file of a pile is asked for.
func TestPileOfLogs(t *testing.T) {
	src := &evidence.Source{Kind: evidence.KindLogs, Files: tree{
		"2026.01.17-administrative.log": text(adminLines), "photo.jpg": text("\xff\xd8\xff"),
	}}
	out := run(t, "logs", src)
	if len(out.Events) != 2 || !said(out, "photo.jpg", evidence.Format, evidence.CompromisedThen) {
		t.Errorf("%d events, gaps %+v", len(out.Events), out.Gaps())
	}
	if out := run(t, "products", src); len(out.Covered)+len(out.Observed) != 0 {
		t.Error("a pile of logs says nothing about installations")
	}
}

func TestLogFoldersNotCollected(t *testing.T) {
	src := windows(tree{"x": text("x")})
	src.Partial = true
	if out := run(t, "logs", src); !said(out, `C:\Mail\Logs`, evidence.NotCollected, evidence.CompromisedThen) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}

func TestIISLogFolders(t *testing.T) {
	const config = "Windows/System32/inetsrv/config/applicationHost.config"
	sites := `<configuration><sites><siteDefaults><logFile directory="%SystemDrive%\inetpub\logs\LogFiles" /></siteDefaults>
		<site><logFile directory="D:\weblogs" /></site></sites></configuration>`
	src := windows(tree{config: text(sites)})
	out := run(t, "logs", src)
	if gaps := out.Gaps(); len(gaps) != 1 || !said(out, `D:\weblogs`, evidence.NotCollected, evidence.CompromisedThen) {
		t.Errorf("gaps %+v", gaps)
	}
	log := func(mode string) string {
		return `<configuration><log centralLogFileMode="` + mode + `"><centralW3CLogFile directory="E:\all" /></log></configuration>`
	}
	for mode, want := range map[string]bool{"CentralW3C": true, "Site": false} {
		if out := run(t, "logs", windows(tree{config: text(log(mode))})); said(out, `E:\all`, evidence.NotCollected, evidence.CompromisedThen) != want {
			t.Errorf("%s: gaps %+v", mode, out.Gaps())
		}
	}
	if out := run(t, "logs", windows(tree{config: text(log("CentralBinary"))})); len(out.Gaps()) != 1 {
		t.Errorf("binary: gaps %+v", out.Gaps())
	}
	src.Partial = true
	if out := run(t, "logs", src); !said(out, `C:\inetpub\logs\LogFiles`, evidence.NotCollected, evidence.CompromisedThen) {
		t.Errorf("selection: gaps %+v", out.Gaps())
	}
	src = windows(tree{config: text(sites[:60])})
	if out := run(t, "logs", src); !said(out, config, evidence.Unreadable, evidence.CompromisedThen) {
		t.Errorf("cut: gaps %+v", out.Gaps())
	}
}

// TestWindowsLogs: event logs of this machine are read where Windows keeps them,
// and in a pile of logs wherever they lie.
func TestWindowsLogs(t *testing.T) {
	sample, err := os.ReadFile("../eventlog/evtx/testdata/cleared.evtx")
	if err != nil {
		t.Fatal(err)
	}
	files := tree{
		"Windows/System32/winevt/Logs/Security.evtx": text(string(sample)),
		"Users/ann/Downloads/other machine.evtx":     text(string(sample)),
	}
	if got, want := eventPaths(run(t, "logs", windows(files))), []string{"Windows/System32/winevt/Logs/Security.evtx"}; !slices.Equal(got, want) {
		t.Errorf("events from %q, want %q", got, want)
	}
	for _, kind := range []evidence.Kind{evidence.KindLogs, evidence.KindTree} { // of no system that anything tells
		if got := eventPaths(run(t, "logs", &evidence.Source{Kind: kind, Files: files})); len(got) != 2 {
			t.Errorf("%s: events from %q", kind, got)
		}
	}
}

// TestSharedNames: a format whose names other programs use, too, is read where
// its content tells, or where it lies by default, whatever is in it; what lies
// beside it is nobody's log.
func TestSharedNames(t *testing.T) {
	const access = "192.0.2.7 - - [17/Jan/2026:10:51:58 +0100] \"GET / HTTP/1.1\" 200 5\n"
	src := linux(tree{
		"var/log/nginx/access.log":   text(access),
		"var/log/nginx/access.log.1": text("\x00\x01\x02"),
		"var/log/nginx/other.log":    text("hello\n"),
		"srv/www/logs/access.log":    text(access),
		"srv/www/logs/app.log":       text("hello\n"),
		"home/a/access.log":          text("hello\n"),
	})
	want := mail()
	want.Logs = append(want.Logs, evidence.LogFormat{
		ID: "web", Family: "web access", Layout: "ncsa", Shared: true, Folders: []string{"/var/log/nginx"}, Parts: evidence.CompromisedThen,
		Names: []*regexp.Regexp{regexp.MustCompile(`^access\.log(?:\.\d+)?$`)}, Sniff: regexp.MustCompile(`\[\d\d/[A-Z]`),
	})
	out := &evidencetest.Sink{}
	if err := collector("logs").Collect(t.Context(), src, want, out); err != nil {
		t.Fatal(err)
	}
	if got := eventPaths(out); !slices.Equal(got, []string{"srv/www/logs/access.log", "var/log/nginx/access.log"}) {
		t.Errorf("read %q", got)
	}
	var gaps []string
	for _, g := range out.Gaps() {
		gaps = append(gaps, g.Path)
	}
	if !slices.Equal(gaps, []string{"var/log/nginx/access.log.1"}) {
		t.Errorf("gaps at %q", gaps)
	}
}
