package collect

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

type tree = evidencetest.Tree

var text, exe = evidencetest.Text, evidencetest.PE

func patterns(list ...string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, p := range list {
		all = append(all, regexp.MustCompile(p))
	}
	return all
}

// mail is an Interest like the one a pack for a mail server gives.
func mail() *evidence.Interest {
	build := regexp.MustCompile(`100\.0\.\d{4,5}\.\d+`)
	return &evidence.Interest{
		Products: []evidence.Product{{
			ID: "mail", Name: "Mail",
			Folders:  []string{`C:\Program Files (x86)\Vendor\Mail`, "/opt/mail"},
			Data:     []string{`C:\Mail`, "/var/lib/mail"},
			Services: []string{"mailservice", "mail"},
			Programs: []evidence.ProgramFile{
				{Name: "mailservice.exe", Kind: evidence.SignalProgram, Marker: true, Pattern: build},
				{Name: "mailservice.dll", Kind: evidence.SignalLibrary, Marker: true, Pattern: build},
				{Name: "standard.dll", Kind: evidence.SignalLibrary, Pattern: build},
			},
			Images:   patterns(`(?:^|/)mail:v?(\d{4,5})$`, `(?:^|/)mail:`),
			Uninst:   patterns(`(?i)\bVendor Mail\b`),
			CopyName: regexp.MustCompile(`(?i)backup|\bold\b|\.bak$`),
			Inner:    []string{"Service", "."},
		}},
		Logs: []evidence.LogFormat{{
			ID: "mail.admin", Family: "Mail administrative", Layout: "lines", Parts: evidence.CompromisedThen,
			Names: patterns(`(?i)^(?P<date>\d{4}\.\d{2}\.\d{2})-administrative\.log(?:\.zip)?$`), DateFmt: "2006.01.02",
			Zone: evidence.ZoneHost, Folders: []string{`C:\Mail\Logs`, "/var/lib/mail/Logs"}, Daily: true, Need: true,
			Forms: []evidence.LineForm{{
				Fields: []evidence.FormField{{Name: "time", Type: evidence.ClockTime}, {Before: " [", Name: "c-ip", Type: evidence.IPAddress}, {Before: "] ", Name: "message"}},
				Schema: evidence.NewSchema("mail.admin", "time", "c-ip", "message"),
			}},
		}},
		Places: []evidence.Place{
			{ID: "web", Paths: patterns(`(^|/)inetpub/wwwroot/.*\.aspx$`), Roots: []string{`C:\inetpub\wwwroot`}, Hash: true, Parts: evidence.CompromisedNow},
			{ID: "settings", Paths: patterns(`(^|/)settings/settings\.json$`), Content: 1 << 20, Parts: evidence.CompromisedNow},
			{ID: "domains", Paths: patterns(`(^|/)domains/[^/]+\.[^/]+$`), Folders: true, Parts: evidence.CompromisedNow},
			{ID: "cron", OS: evidence.Linux, Paths: patterns(`^/etc/cron\.d/[^/]+$`), Roots: []string{"/etc/cron.d"}, Content: 64, Parts: evidence.CompromisedNow},
		},
		Parts: evidence.Exposed | evidence.Compromised,
	}
}

const adminLines = "10:00:00.100 [192.0.2.7] Webmail Login successful: With user demo\n10:00:01.100 [192.0.2.7] Webmail Logout\n"

var zone = time.FixedZone("host", 3600)

func windows(files tree) *evidence.Source {
	return &evidence.Source{
		Kind: evidence.KindTree, Files: files, Volumes: []evidence.Volume{{Mount: "C:", Root: "."}},
		ID: evidence.Identity{OS: evidence.Windows, Zone: zone},
	}
}

func linux(files tree) *evidence.Source {
	return &evidence.Source{
		Kind: evidence.KindTree, Files: files, Volumes: []evidence.Volume{{Mount: "/", Root: "."}},
		ID: evidence.Identity{OS: evidence.Linux, Zone: zone},
	}
}

func built(version, assembly string) evidencetest.File {
	return evidencetest.File{Data: exe(version, assembly)}
}

// run runs one of All's collectors.
func run(t *testing.T, name string, src *evidence.Source) *evidencetest.Sink {
	t.Helper()
	var out evidencetest.Sink
	if err := collector(name).Collect(t.Context(), src, mail(), &out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if out.Open != 0 {
		t.Errorf("%d lanes left open", out.Open)
	}
	return &out
}

func collector(name string) evidence.Collector {
	all := All(Options{})
	return all[slices.IndexFunc(all, func(c evidence.Collector) bool { return c.Name() == name })]
}

// said reports whether a gap with this reason names a path.
func said(out *evidencetest.Sink, path string, reason evidence.Reason, parts evidence.Parts) bool {
	return slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool {
		return strings.HasSuffix(c.Path, path) && c.Missed.Reason == reason && c.Parts == parts
	})
}

func windowsTree() tree {
	system, software := hives()
	return tree{
		"Windows/System32/config/SYSTEM":                                 {Data: system},
		"Windows/System32/config/SOFTWARE":                               {Data: software},
		"Program Files (x86)/Vendor/Mail/Service/MailService.exe":        built("100.0.9413.30415", ""),
		"Program Files (x86)/Vendor/Mail/Service/MailService.dll":        built("100.0.9413.30415", "100.0.9413.30415"),
		"Program Files (x86)/Vendor/Mail/Service/Settings/settings.json": text("{}\n"),
		"Mail/Logs/2026.01.17-administrative.log":                        text(adminLines),
		"Mail/Domains/a.example/x":                                       text("x"),
		"inetpub/wwwroot/a_0.aspx":                                       text("<%@ Page %>\n"),
		"Windows/System32/inetsrv/config/applicationHost.config":         text("<configuration><logFile directory=\"C:\\inetpub\\logs\" /></configuration>\n"),
		"srv/docker-compose.yml":                                         text("services:\n  mail:\n    image: example/mail:8930\n"),
	}
}

func linuxTree() tree {
	return tree{
		"opt/mail/MailService":                            text("\x7fELF\x02\x01\x01 host"),
		"opt/mail/MailService.dll":                        built("100.0.9504.1", "100.0.9504.1"),
		"etc/systemd/system/mail.service":                 text("[Service]\nExecStart=/opt/mail/MailService\n"),
		"etc/supervisor/conf.d/m.conf":                    text("[program:m]\ncommand=/srv/second/MailService --x\n"),
		"srv/second/MailService.dll":                      built("100.0.8930.1", ""),
		"srv/second/MailService":                          text("\x7fELF"),
		"etc/cron.d/job":                                  text("* * * * * root true\n"),
		"var/lib/mail/Logs/2026.01.17-administrative.log": text(adminLines),
		"srv/app/compose.yaml":                            text("services:\n  mail:\n    image: example/mail:${TAG:-1}\n"),
		"srv/app/.env":                                    text("TAG=9610\n"),
		"srv/build/Dockerfile":                            text("ARG TAG=9511\nFROM example/mail:$TAG\n"),
		"var/lib/docker/containers/ab/config.v2.json":     text(`{"Name":"/mx","Config":{"Image":"example/mail:9413"},"State":{"Running":true}}` + "\n"),
		"srv/k8s/pod.yaml":                                text("spec:\n  containers:\n    - image: \"example/mail:9518\"\n"),
	}
}

// TestConformance: whatever a collector reads, taken away, is a gap.
func TestConformance(t *testing.T) {
	for _, name := range []string{"products", "files", "logs"} {
		t.Run(name, func(t *testing.T) {
			for os, good := range map[string]func() *evidence.Source{
				"windows": func() *evidence.Source { return windows(windowsTree()) },
				"linux":   func() *evidence.Source { return linux(linuxTree()) },
				"host": func() *evidence.Source {
					src := linux(linuxTree())
					src.Kind, src.State = evidence.KindHost, evidencetest.State{Procs: []evidence.Process{{PID: 7, Name: "MailService", Exe: "/opt/mail/MailService"}}}
					return src
				},
			} {
				t.Run(os, func(t *testing.T) {
					evidencetest.Run(t, func() evidence.Collector { return collector(name) }, mail(), good)
				})
			}
		})
	}
}

// TestAllAreThere keeps a collector from being forgotten in All.
func TestAllAreThere(t *testing.T) {
	var names []string
	for _, c := range All(Options{}) {
		names = append(names, c.Name())
	}
	if !slices.Equal(names, []string{"products", "files", "linux", "windows", "ran", "logs"}) {
		t.Errorf("All gives %q", names)
	}
}

// TestOneWalk: the collectors of one All share a walk, and cover it once.
func TestOneWalk(t *testing.T) {
	src := windows(windowsTree())
	var out evidencetest.Sink
	for _, c := range All(Options{}) {
		if err := c.Collect(t.Context(), src, mail(), &out); err != nil {
			t.Fatal(err)
		}
	}
	walks := 0
	for _, c := range out.Covered {
		if c.Path == "." && c.Missed == nil {
			walks++
		}
	}
	if walks != 1 {
		t.Errorf("%d rows for the walk", walks)
	}
}
