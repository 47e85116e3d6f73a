package tools

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/remote-tools.md anew")

func load(t testing.TB) *Table {
	t.Helper()
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestLoad(t *testing.T) {
	table := load(t)
	kinds, used := map[Kind]int{}, 0
	for _, tool := range table.All() {
		kinds[tool.Kind]++
		if tool.Used {
			used++
		}
	}
	if len(table.All()) < 120 || len(kinds) != 6 || used < 14 {
		t.Errorf("%d tools, %v, %d used", len(table.All()), kinds, used)
	}
	for _, f := range table.Folders() {
		if _, err := regexp.Compile(f); err != nil {
			t.Error(err)
		}
	}
	if p := table.Programs(); len(p) < 200 || strings.ContainsAny(strings.Join(p, ""), "*?") {
		t.Errorf("programs: %d, %v", len(p), p)
	}
}

func TestRefused(t *testing.T) {
	f := func(row, want string) {
		t.Helper()
		_, err := parse([]byte("sources: {s: 'https://example.com/'}\ntools:\n" + row))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", row, err, want)
		}
	}
	f("- {id: one, name: One, kind: rmm, programs: [one.exe], colour: red, sources: ['s:']}", "field colour not found")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe], sources: ['s:']}\n- {id: one, name: Two, kind: rmm, programs: [two.exe], sources: ['s:']}", "id one: a second one")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe], sources: ['s:']}\n- {id: two, name: ONE, kind: rmm, programs: [two.exe], sources: ['s:']}", "name one: a second one")
	f("- {id: one, name: One, kind: rmm, sources: ['s:']}", "no traces")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe]}", "no source")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe], sources: [x]}", "neither an https address")
	f("- {id: one, name: One, kind: toy, programs: [one.exe], sources: ['s:']}", "unknown kind")
	f("- {id: One, name: One, kind: rmm, programs: [one.exe], sources: ['s:']}", "id: want")
	f("- {id: one, name: One, kind: rmm, os: plan9, programs: [one.exe], sources: ['s:']}", "os:")
	f("- {id: one, name: One, kind: rmm, programs: [One.exe], sources: ['s:']}", "lower case")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe, one.exe], sources: ['s:']}", "twice")
	f("- {id: one, name: One, kind: rmm, programs: ['*'], sources: ['s:']}", "too short")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe], generic: [two.exe], folders: [opt/one], sources: ['s:']}", "none of its programs")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe], generic: [one.exe], sources: ['s:']}", "needs a folder")
	f("- {id: one, name: One, kind: rmm, folders: ['c:/one'], sources: ['s:']}", "no drive")
	f("- {id: one, name: One, kind: rmm, signers: [Microsoft Windows], sources: ['s:']}", "on every Windows")
	f("- {id: one, name: One, kind: rmm, commands: ['run * --it'], sources: ['s:']}", "no run of 8")
	f("- {id: one, name: One, kind: rmm, programs: [one.exe], sources: ['s:']}\n---\ntools: []\n", "second document")
	f("  []", "0 tools")
}

func said(hits []Hit) string {
	var list []string
	for _, h := range hits {
		s := h.Tool.ID + ": " + h.By
		if h.Renamed {
			s += " (renamed)"
		}
		list = append(list, s)
	}
	return strings.Join(list, "; ")
}

func TestMatch(t *testing.T) {
	table := load(t)
	f := func(trace Trace, want string) {
		t.Helper()
		if got := said(table.Match(trace)); got != want {
			t.Errorf("%+v:\n got %s\nwant %s", trace, got, want)
		}
	}
	f(Trace{}, "")
	f(Trace{Image: `"C:\Users\Public\RutServ.exe"`}, "remote-utilities: file name rutserv.exe")
	f(Trace{Image: `C:\Program Files (x86)\AnyDesk\AnyDesk.exe`, Service: "AnyDesk"}, "anydesk: file name anydesk.exe; anydesk: service anydesk; anydesk: folder program files*/anydesk")
	f(Trace{Service: "AnyDesk-0a1b2c3d"}, "anydesk: service anydesk-0a1b2c3d")
	f(Trace{Service: "velociraptor_client.service"}, "velociraptor: service velociraptor_client")
	f(Trace{Task: `\Level\Level Watchdog`}, "level: scheduled task level watchdog")
	f(Trace{Folder: `C:\ProgramData\JWrapper-Remote Access`}, "simplehelp: folder programdata/jwrapper-*; simplehelp: folder jwrapper-remote access")
	f(Trace{Registry: `HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\ATERA Networks\AlphaAgent`}, "atera: registry key atera networks")
	f(Trace{Signer: "Atera Networks Ltd"}, "atera: signer atera networks ltd")
	f(Trace{Image: `C:\ProgramData\update.exe`, Product: "Remote Utilities"}, "remote-utilities: product remote utilities (renamed)")
	f(Trace{Image: `C:\Temp\svc.exe`, Original: "AdFind.exe"}, "adfind: original file name adfind.exe (renamed)")
	f(Trace{Image: `C:\Temp\PsExec64.exe`, Original: "psexec.c"}, "psexec: file name psexec64.exe; psexec: original file name psexec.c")
	// Storm-1175: cloudflared as conhost.exe.
	f(Trace{Image: `C:\Windows\Temp\conhost.exe`, Command: `C:\Windows\Temp\conhost.exe tunnel run --token eyJhIjoi`}, "cloudflared: command line with tunnel *run --token  (renamed)")
	f(Trace{Image: `C:\Windows\System32\cmd.exe`, Command: `cmd /c cloudflared.exe tunnel --no-autoupdate run --token eyJhIjoi`}, "cloudflared: command line with tunnel *run --token ")
	f(Trace{Command: `cmd.exe /Q /c whoami 1> \\127.0.0.1\ADMIN$\__1567439113.54 2>&1`}, `impacket: command line with cmd.exe /q /c *\\127.0.0.1\`)
	f(Trace{Image: `C:\ProgramData\sync.exe`, Command: `sync.exe -p 1 -vnl --exec cmd.exe`}, "netcat: command line with  -vnl --exec  (renamed)")
	// A name that others use counts beside a folder or a signer.
	f(Trace{Image: `C:\Tools\level.exe`}, "")
	f(Trace{Image: `C:\Program Files\Level\level.exe`}, "level: file name level.exe; level: folder program files/level")
	f(Trace{Image: `C:\x\client32.exe`, Company: "NetSupport Ltd"}, "netsupport: file name client32.exe; netsupport: company netsupport ltd")
	// Near misses.
	f(Trace{Folder: "c:/program files/anydesktop"}, "")
	f(Trace{Image: "/usr/bin/tmates"}, "")
	f(Trace{Service: "TeamViewerX", Signer: "AnyDesk", Task: "Watchdog"}, "")
}

// TestEveryTraceHits: nothing in the table is beyond its matcher.
func TestEveryTraceHits(t *testing.T) {
	table := load(t)
	fill := strings.NewReplacer("*", "x1", "?", "y")
	for i := range table.All() {
		tool := &table.All()[i]
		backed := Trace{}
		switch {
		case len(tool.Folders) > 0:
			backed.Folder = fill.Replace(tool.Folders[0])
		case len(tool.Signers) > 0:
			backed.Signer = tool.Signers[0]
		case len(tool.Products) > 0:
			backed.Product = fill.Replace(tool.Products[0])
		}
		f := func(name string, trace Trace) {
			t.Helper()
			for _, h := range table.Match(trace) {
				if h.Tool == tool {
					return
				}
			}
			t.Errorf("%s: %q gives no hit", tool.ID, name)
		}
		for field, list := range tool.fields() {
			for _, name := range list {
				filled := fill.Replace(name)
				f(name, map[string]Trace{
					"programs": {Image: `C:\x\` + filled, Folder: backed.Folder, Signer: backed.Signer, Product: backed.Product},
					"services": {Service: filled}, "tasks": {Task: `\` + filled}, "folders": {Folder: `C:\` + strings.ReplaceAll(filled, "/", `\`) + `\deeper`},
					"registry": {Registry: `HKLM\SOFTWARE\` + filled}, "signers": {Signer: filled}, "products": {Product: filled},
					"original": {Original: filled}, "commands": {Command: "first " + filled + " last"},
				}[field])
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	table := load(b)
	trace := Trace{Image: `C:\Windows\System32\svchost.exe`, Service: "wuauserv", Signer: "Microsoft Windows", Product: "Microsoft Windows Operating System", Original: "svchost.exe", Command: `C:\Windows\system32\svchost.exe -k netsvcs -p -s wuauserv`}
	for b.Loop() {
		if table.Match(trace) != nil {
			b.Fatal("a hit")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("tools:\n- {id: one, name: One, kind: rmm, programs: ['o?e*.exe'], sources: ['https://example.com']}"))
	f.Add(embedded[:2000])
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := parse(data)
		if err != nil {
			return
		}
		if len(table.All()) == 0 || len(table.All()[0].Sources) == 0 {
			t.Error("a table without tools or sources was taken")
		}
	})
}

func FuzzMatch(f *testing.F) {
	table := load(f)
	f.Add(`C:\Program Files\AnyDesk\AnyDesk.exe`, "AnyDesk", "tunnel run --token x")
	f.Add(`\??\`, ".service", "")
	f.Fuzz(func(t *testing.T, image, name, command string) {
		for _, h := range table.Match(Trace{image, name, name, image, image, name, name, name, name, command}) {
			if h.Tool == nil || h.By == "" {
				t.Errorf("an empty hit: %+v", h)
			}
		}
	})
}

// TestGuideIsFresh: docs/remote-tools.md says what the table says.
func TestGuideIsFresh(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Remote access tools and what comes beside them\n\nMade of `detect/tools/tools.yaml` by `go test ./detect/tools -update`; don't edit. A hit says what a\nprogram is, never that it is evil: ask who installed it. **Used** means that a source names its use\nagainst SmarterMail or by a ransomware crew. A name in parentheses is common and counts only beside\na folder, a signer or a product of the same tool. `*` is any run of characters, `?` one.\n\n| tool | kind | traces |\n|---|---|---|\n")
	for _, tool := range load(t).All() {
		name := tool.Name
		if tool.Used {
			name += " **used**"
		}
		var programs []string
		for _, p := range tool.Programs {
			if strings.Contains("\n"+strings.Join(tool.Generic, "\n")+"\n", "\n"+p+"\n") {
				p = "(" + p + ")"
			}
			programs = append(programs, p)
		}
		var traces []string
		for _, part := range []struct {
			title string
			list  []string
		}{{"files", programs}, {"services", tool.Services}, {"tasks", tool.Tasks}, {"folders", tool.Folders}, {`below HKLM\SOFTWARE`, tool.Registry}, {"signed by", tool.Signers}, {"product or company", tool.Products}, {"original name", tool.Original}, {"command lines", tool.Commands}} {
			if len(part.list) > 0 {
				traces = append(traces, part.title+": `"+strings.Join(part.list, "`, `")+"`")
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, tool.Kind, strings.ReplaceAll(strings.Join(traces, "; "), "|", `\|`))
	}
	const file = "../../docs/remote-tools.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != b.String() {
		t.Errorf("%s is not fresh (%v): go test ./detect/tools -update", file, err)
	}
}
