package collect

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

var written = time.Date(2026, 1, 20, 8, 0, 0, 0, time.UTC)

// hives makes a SYSTEM and a SOFTWARE hive that know the product.
func hives() (system, software []byte) {
	key := func(name string, sub ...evidencetest.HiveKey) evidencetest.HiveKey {
		return evidencetest.HiveKey{Name: name, Written: written, Keys: sub}
	}
	value := func(k evidencetest.HiveKey, pairs ...string) evidencetest.HiveKey {
		for i := 0; i < len(pairs); i += 2 {
			k.Values = append(k.Values, evidencetest.HiveValue{Name: pairs[i], Data: pairs[i+1]})
		}
		return k
	}
	sel := key("Select")
	sel.Values = []evidencetest.HiveValue{{Name: "Current", Data: uint32(1)}}
	system = evidencetest.Hive(key("ROOT", key("ControlSet001", key("Services",
		value(key("MailService"), "ImagePath", `"C:\Program Files (x86)\Vendor\Mail\Service\MailService.exe" -s`, "ObjectName", "LocalSystem"),
		value(key("Other"), "ImagePath", `%SystemRoot%\System32\svchost.exe -k netsvcs`),
	)), sel))
	software = evidencetest.Hive(key("ROOT", key("Microsoft", key("Windows", key("CurrentVersion", key("Uninstall",
		value(key("{1}"), "DisplayName", "Vendor Mail", "DisplayVersion", "100.0.9413", "InstallDate", "20260120",
			"InstallLocation", `C:\Program Files (x86)\Vendor\Mail\`),
		value(key("{2}"), "DisplayName", "Something else"),
	))))))
	return system, software
}

// at returns the installation at a path, which must be there.
func at(t *testing.T, out *evidencetest.Sink, path string) evidence.Installation {
	t.Helper()
	all := out.Installations()
	i := slices.IndexFunc(all, func(in evidence.Installation) bool { return in.Path == path })
	if i < 0 {
		t.Fatalf("no installation at %s; there are %+v", path, all)
	}
	return all[i]
}

func versions(in evidence.Installation) string {
	var all []string
	for _, s := range in.Signals {
		all = append(all, string(s.Kind)+"="+s.Version)
	}
	return strings.Join(all, " ")
}

func TestWindowsInstallation(t *testing.T) {
	out := run(t, "products", windows(windowsTree()))
	if n := len(out.Installations()); n != 2 {
		t.Errorf("%d installations, want the service's and the compose file's: %+v", n, out.Installations())
	}
	in := at(t, out, "Program Files (x86)/Vendor/Mail")
	if in.Role != evidence.Active || in.RoleWhy != "service MailService" {
		t.Errorf("role %s, %s", in.Role, in.RoleWhy)
	}
	if got := versions(in); got != "uninstall=100.0.9413 program=100.0.9413.30415 library=100.0.9413.30415 assembly=100.0.9413.30415" {
		t.Errorf("signals %s", got)
	}
	changes := map[evidence.ChangeKind]time.Time{}
	for _, c := range in.Changes {
		changes[c.Kind] = c.At
	}
	if got := changes[evidence.ChangeInstallDate]; !got.Equal(time.Date(2026, 1, 20, 23, 59, 59, 0, zone)) {
		t.Errorf("install date %v, want the day's end in the host's zone", got)
	}
	if got := changes[evidence.ChangeRegistry]; !got.Equal(written) {
		t.Errorf("key written %v", got)
	}
	if changes[evidence.ChangeCompiled].IsZero() || !changes[evidence.ChangeBirth].IsZero() {
		t.Errorf("changes %v", changes)
	}
	if services := out.Of(evidence.ObserveService); len(services) != 2 || services[0].Get("ServiceName") != "MailService" {
		t.Errorf("services %+v", services)
	}
	for _, path := range []string{"MsiInstaller events", "Amcache", "MFT"} {
		if !said(out, path, evidence.Unsupported, 0) {
			t.Errorf("%s is not named as unread", path)
		}
	}
}

func TestLinuxInstallations(t *testing.T) {
	out := run(t, "products", linux(linuxTree()))
	f := func(path string, role evidence.InstallRole, want string) {
		t.Helper()
		if in := at(t, out, path); in.Role != role || versions(in) != want {
			t.Errorf("%s: %s (%s), %s", path, in.Role, in.RoleWhy, versions(in))
		}
	}
	f("opt/mail", evidence.Active, "library=100.0.9504.1 assembly=100.0.9504.1")
	f("srv/second", evidence.Active, "library=100.0.8930.1")
	f("srv/app/compose.yaml", evidence.Active, "container=9610")
	f("srv/build/Dockerfile", evidence.RoleUnknown, "container=9511")
	f("var/lib/docker/containers/ab/config.v2.json", evidence.Active, "container=9413")
	f("srv/k8s/pod.yaml", evidence.Active, "container=9518")
	if n := len(out.Installations()); n != 6 {
		t.Errorf("%d installations", n)
	}
}

// TestForgottenCopies tells a backup from a second installation.
func TestForgottenCopies(t *testing.T) {
	out := run(t, "products", windows(tree{
		"Backup/Mail/Service/MailService.exe":  built("100.0.8930.1", ""),
		"Mail2/Service/mailservice.EXE":        built("100.0.9406.1", ""),
		"Service/MailService.exe":              built("100.0.9400.1", ""),
		"loose/standard.dll":                   built("9.9.9.9", ""),
		"Windows/System32/config/nothing-here": text("x"),
	}))
	if in := at(t, out, "Backup/Mail"); in.Role != evidence.Copy {
		t.Errorf("backup: %s, %s", in.Role, in.RoleWhy)
	}
	if in := at(t, out, "Mail2"); in.Role != evidence.RoleUnknown || versions(in) != "program=100.0.9406.1" {
		t.Errorf("second: %s, %s", in.Role, versions(in))
	}
	at(t, out, ".")
	if n := len(out.Installations()); n != 3 {
		t.Errorf("%d installations: %+v", n, out.Installations())
	}
	if !said(out, "SYSTEM", evidence.Absent, 0) || !said(out, "SOFTWARE", evidence.Absent, 0) {
		t.Error("missing hives are not named")
	}
}

// TestShadowCopy: what stands in an earlier state of the drive is a copy, also
// where its name says nothing and the machine's path is that of the program.
func TestShadowCopy(t *testing.T) {
	src := windows(tree{
		"C/Mail2/Service/MailService.exe":             built("100.0.9511.1", ""),
		"VSS1 snapshot/Mail2/Service/MailService.exe": built("100.0.9406.1", ""),
	})
	src.Volumes = []evidence.Volume{{Mount: "C:", Root: "C"}, {Mount: "C:", Root: "VSS1 snapshot", Past: true}}
	out := run(t, "products", src)
	if in := at(t, out, "VSS1 snapshot/Mail2"); in.Role != evidence.Copy || !strings.Contains(in.RoleWhy, "VSS1 snapshot") {
		t.Errorf("shadow copy: %s, %s", in.Role, in.RoleWhy)
	}
	if in := at(t, out, "C/Mail2"); in.Role == evidence.Copy {
		t.Errorf("the drive itself: %s, %s", in.Role, in.RoleWhy)
	}
}

func TestRunningProcess(t *testing.T) {
	src := windows(windowsTree())
	file := src.Files.(tree)["Program Files (x86)/Vendor/Mail/Service/MailService.exe"]
	file.Birth = written.Add(time.Hour)
	src.Files.(tree)["Program Files (x86)/Vendor/Mail/Service/MailService.exe"] = file
	src.State = evidencetest.State{Procs: []evidence.Process{
		{PID: 4, Name: "MailService.exe", Exe: `C:\Program Files (x86)\vendor\mail\service\MailService.exe`, Started: written},
		{PID: 5, Name: "MailService.exe"},
		{PID: 6, Name: "explorer.exe", Exe: `C:\Windows\explorer.exe`},
		{PID: 8, Name: "MailService.exe", Exe: `D:\Mail\Service\MailService.exe`},
	}}
	out := run(t, "products", src)
	in := at(t, out, "Program Files (x86)/Vendor/Mail")
	if len(in.Notes) != 1 || !strings.Contains(in.Notes[0], "process 4") {
		t.Errorf("notes %q: a process older than its file is not told", in.Notes)
	}
	if !slices.ContainsFunc(in.Changes, func(c evidence.Change) bool { return c.Kind == evidence.ChangeProcess && c.At.Equal(written) }) {
		t.Error("no process start among the changes")
	}
	if !said(out, "process 5 (MailService.exe)", evidence.Unreadable, evidence.Exposed) {
		t.Errorf("a process without a path is no gap: %+v", out.Gaps())
	}
	if in := at(t, out, "D:/Mail/Service/MailService.exe"); in.Role != evidence.Active || !said(out, in.Path, evidence.NoBuild, evidence.Exposed) {
		t.Errorf("a program on a volume that is not here: %+v", in)
	}
	if n := len(out.Of(evidence.ObserveProcess)); n != 4 {
		t.Errorf("%d processes observed", n)
	}
}

// TestProgramsThatAreNotHere: what is registered or started and was not seen
// decides, whatever stands beside it.
func TestProgramsThatAreNotHere(t *testing.T) {
	f := func(name string, files tree, services, entries map[string]string, path string, want bool) {
		t.Helper()
		reg := evidencetest.Registry{}
		for n, image := range services {
			reg[servicesKey+`\`+n] = evidence.RegistryKey{Values: []evidence.RegistryValue{{Name: "ImagePath", Type: 2, Text: image}}}
		}
		for n, folder := range entries {
			reg[uninstallKeys[0]+`\`+n] = evidence.RegistryKey{Path: uninstallKeys[0] + `\` + n, Values: []evidence.RegistryValue{
				{Name: "DisplayName", Type: 1, Text: "Vendor Mail"}, {Name: "DisplayVersion", Type: 1, Text: "100.0.9610"}, {Name: "InstallLocation", Type: 1, Text: folder},
			}}
		}
		src := windows(files)
		src.State = evidencetest.State{Reg: reg}
		out := run(t, "products", src)
		if said(out, path, evidence.NoBuild, evidence.Exposed) != want {
			t.Errorf("%s: gaps %+v", name, out.Gaps())
		}
	}
	both := tree{"srv/Service/MailService.exe": built("100.0.9610.1", ""), "srv/Service/MailService.dll": built("100.0.9610.1", "")}
	library := tree{"srv/Service/MailService.dll": built("100.0.9610.1", "")}
	service := map[string]string{"Mail": `C:\srv\Service\MailService.exe`}
	f("started and there", both, service, nil, "srv/Service/MailService.exe", false)
	f("started without its ending", both, map[string]string{"Mail": `C:\srv\Service\MailService`}, nil, "srv/Service/MailService", false)
	f("started and gone", library, service, nil, "srv/Service/MailService.exe", true)
	f("registered here", both, nil, map[string]string{"A": `C:\srv`}, "Uninstall", false)
	f("registered in its inner folder", both, nil, map[string]string{"A": `C:\srv\Service\`}, "srv/Service", false)
	f("registered nowhere", both, nil, map[string]string{"A": ``}, "Uninstall", false)
	f("registered on a volume that is not here", both, service, map[string]string{"A": `E:\Mail`}, `Uninstall\A`, true)
	f("registered alone", tree{"x": text("x")}, nil, map[string]string{"A": ``}, `Uninstall\A`, true)
	f("registered where nothing is", tree{"Mail/readme.txt": text("x")}, nil, map[string]string{"A": `C:\Mail`}, "Mail", true)
}

// TestEntryOfTheRunning: an entry without a folder speaks of what runs, and not
// of the copies beside it.
func TestEntryOfTheRunning(t *testing.T) {
	reg := evidencetest.Registry{
		uninstallKeys[0] + `\A`: {Path: uninstallKeys[0] + `\A`, Values: []evidence.RegistryValue{{Name: "DisplayName", Type: 1, Text: "Vendor Mail"}, {Name: "DisplayVersion", Type: 1, Text: "100.0.9610"}}},
	}
	src := windows(tree{"srv/MailService.exe": built("100.0.9610.1", ""), "srv.bak/MailService.exe": built("100.0.9413.1", "")})
	src.State = evidencetest.State{Reg: reg}
	out := run(t, "products", src)
	if n := len(out.Installations()); n != 2 {
		t.Errorf("%d installations", n)
	}
	if got := versions(at(t, out, "srv")); !strings.Contains(got, "uninstall=100.0.9610") {
		t.Errorf("signals %s", got)
	}
}

// TestImagesAskedFor: a tag in a file is what somebody wants to run; only the
// record of a container says that it does.
func TestImagesAskedFor(t *testing.T) {
	f := func(record string, want bool) {
		t.Helper()
		files := tree{"srv/compose.yml": text("image: example/mail:9610\n")}
		if record != "" {
			files["var/lib/docker/containers/ab/config.v2.json"] = text(`{"Name":"/mx","Config":{"Image":"` + record + `"},"State":{"Running":true}}`)
		}
		if out := run(t, "products", linux(files)); said(out, "srv/compose.yml", evidence.NoBuild, evidence.Exposed) != want {
			t.Errorf("record %q: gaps %+v", record, out.Gaps())
		}
	}
	f("", true)
	f("example/mail:9406", true)
	f("example/mail:9610", false)
}

// TestDropIns: a drop-in file of a unit starts programs too.
func TestDropIns(t *testing.T) {
	out := run(t, "products", linux(tree{
		"srv/x/MailService.dll": built("100.0.9610.1", ""), "srv/x/MailService": text("\x7fELF"),
		"etc/systemd/system/x.service.d/override.conf": text("[Service]\nExecStart=\nExecStart=/srv/x/MailService\n"),
	}))
	if in := at(t, out, "srv/x"); in.Role != evidence.Active || in.RoleWhy != "unit override.conf" {
		t.Errorf("%s: %s", in.Role, in.RoleWhy)
	}
}

// TestFolderOfTheImage: the folder an image lies in says nothing of what lies
// in the image.
func TestFolderOfTheImage(t *testing.T) {
	src := linux(tree{"backup-2026/opt/mail/MailService.dll": built("100.0.9610.1", "")})
	src.Volumes = []evidence.Volume{{Mount: "/", Root: "backup-2026"}}
	if in := at(t, run(t, "products", src), "backup-2026/opt/mail"); in.Role == evidence.Copy {
		t.Errorf("%s: %s", in.Role, in.RoleWhy)
	}
}

func TestServicesThatLeadNowhere(t *testing.T) {
	reg := evidencetest.Registry{}
	image := func(name, path string) {
		reg[servicesKey+`\`+name] = evidence.RegistryKey{Values: []evidence.RegistryValue{{Name: "ImagePath", Type: 2, Text: path}}}
	}
	image("Gone", `C:\gone\Service\MailService.exe`)
	image("MailService", `C:\elsewhere\thing.exe`)
	src := windows(tree{"x": text("x")})
	src.State = evidencetest.State{Reg: reg}
	out := run(t, "products", src)
	at(t, out, "gone")
	if !said(out, "gone", evidence.NoBuild, evidence.Exposed) || !said(out, `Services\MailService`, evidence.Ambiguous, evidence.Exposed) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}

// TestBrokenPrograms: a program that does not read is a gap, and what else
// there is still counts.
func TestBrokenPrograms(t *testing.T) {
	whole := exe("100.0.9413.30415", "")
	f := func(broken evidencetest.File, reason evidence.Reason, want string) {
		t.Helper()
		out := run(t, "products", windows(tree{"m/MailService.exe": broken, "m/MailService.dll": built("100.0.9511.1", "")}))
		in := at(t, out, "m")
		if !said(out, "m/MailService.exe", reason, evidence.Exposed) || versions(in) != want {
			t.Errorf("%s: %s, gaps %+v", reason, versions(in), out.Gaps())
		}
	}
	f(evidencetest.File{Data: whole[:700]}, evidence.Truncated, "library=100.0.9511.1")
	f(evidencetest.File{}, evidence.Truncated, "library=100.0.9511.1")
	f(evidencetest.File{Data: whole, OpenErr: fs.ErrPermission}, evidence.Unreadable, "library=100.0.9511.1")
	f(evidencetest.File{Data: []byte("what? 100.0.9413.1")}, evidence.Unreadable, "pattern=100.0.9413.1 library=100.0.9511.1")
	f(evidencetest.File{Data: whole, Declared: maxProgram + 1}, evidence.TooLarge, "library=100.0.9511.1")
}

// TestNothingStatesABuild is never silent.
func TestNothingStatesABuild(t *testing.T) {
	out := run(t, "products", linux(tree{"opt/mail/MailService.dll": built("", "")}))
	if in := at(t, out, "opt/mail"); versions(in) != "presence=" || !said(out, "opt/mail", evidence.NoBuild, evidence.Exposed) {
		t.Errorf("%s, gaps %+v", versions(in), out.Gaps())
	}
}

func TestDataWithoutProgram(t *testing.T) {
	out := run(t, "products", windows(tree{"MAIL/Logs/x": text("x")}))
	if len(out.Installations()) != 0 || !said(out, "MAIL", evidence.Absent, evidence.Exposed) {
		t.Errorf("gaps %+v", out.Gaps())
	}
}

// TestPartialSource: what a selection does not hold is not absent.
func TestPartialSource(t *testing.T) {
	src := windows(tree{"Users/x": text("x")})
	src.Partial = true
	out := run(t, "products", src)
	for path, parts := range map[string]evidence.Parts{`C:\Program Files (x86)\Vendor\Mail`: evidence.Exposed} {
		if !said(out, path, evidence.NotCollected, parts) {
			t.Errorf("%s: gaps %+v", path, out.Gaps())
		}
	}
	if said(out, "/opt/mail", evidence.NotCollected, evidence.Exposed) {
		t.Error("a Linux folder is missed on Windows")
	}
	if !said(out, "config/SYSTEM", evidence.Absent, evidence.Exposed) {
		t.Error("a hive that was not collected changes nothing")
	}
}

func TestProgramIn(t *testing.T) {
	p := &mail().Products[0]
	f := func(command, dir, want string) {
		t.Helper()
		if got := programIn(p, command, dir); got != want {
			t.Errorf("%s: %q", command, got)
		}
	}
	f(`"C:\Program Files\Mail\MailService.exe" -x`, "", `C:\Program Files\Mail\MailService.exe`)
	f(`C:\Program Files\Mail\MailService.exe -x`, "", `C:\Program Files\Mail\MailService.exe`)
	f(`C:\Mail\MailService.exe`, "", `C:\Mail\MailService.exe`)
	f(`"C:\Program Files\dotnet\dotnet.exe" "C:\Mail\MailService.dll"`, "", `C:\Mail\MailService.dll`)
	f(`/usr/bin/dotnet /opt/my mail/MailService.dll`, "", `/opt/my mail/MailService.dll`)
	f(`/opt/mail/MailService`, "", `/opt/mail/MailService`)
	f(`/bin/sh -c "cd /opt/mail && ./MailService --x"`, "/opt/mail", `/opt/mail/MailService`)
	f(`/opt/mail/MailServiceHelper`, "", "")
	f(`/opt/MailService/other`, "", "")
	f(`svchost.exe -k MailService`, "", "")
	f(``, "", "")
}

func TestContainerImages(t *testing.T) {
	f := func(name, content string, want ...string) {
		t.Helper()
		out := run(t, "products", linux(tree{name: text(content)}))
		var got []string
		for _, in := range out.Installations() {
			got = append(got, fmt.Sprintf("%s %s", in.Path, versions(in)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", content, got)
		}
	}
	f("docker-compose.yml", "# image: example/mail:1234\nservices: {a: {image: 'example/mail:8930'}}\n", "docker-compose.yml container=8930")
	f("compose.yml", "a:\n  image: mail:9413\nb:\n  image: mail:9511\n", "compose.yml container=9413", "compose.yml (mail:9511) container=9511")
	f("compose.yml", "image: mail:${TAG:-9518}\nimage: ${X}\n", "compose.yml container=9518")
	f("compose.yml", "image: mail:latest\n", "compose.yml container=")
	f("compose.yml", "image: nginx:9413\nimages: mail:9413\n")
	f("x/Dockerfile", "FROM --platform=linux/amd64 example/mail:9526 AS base\n", "x/Dockerfile container=9526")
	f("etc/containers/systemd/m.container", "[Container]\nImage=docker.io/x/mail:9560\n", "etc/containers/systemd/m.container container=9560")
	f("v/storage/overlay-containers/containers.json", `[{"metadata":"{\"image-name\":\"docker.io/x/mail:9610\"}"}]`, "v/storage/overlay-containers/containers.json container=9610")
}

// TestUnitsOfAnotherTree: a unit in a backup of another root starts nothing
// here.
func TestUnitsOfAnotherTree(t *testing.T) {
	out := run(t, "products", linux(tree{
		"srv/backup/etc/systemd/system/mail.service": text("[Service]\nExecStart=/opt/mail/MailService\n"),
		"srv/backup/opt/mail/MailService.dll":        built("100.0.9406.1", ""),
	}))
	if in := at(t, out, "srv/backup/opt/mail"); in.Role != evidence.Copy || len(out.Installations()) != 1 {
		t.Errorf("%+v", out.Installations())
	}
}

// TestAnotherVendorsName: a program that bears the product's name and nothing
// else of it is told, and its version is not believed.
func TestAnotherVendorsName(t *testing.T) {
	f := func(name string, believed bool, files tree) {
		t.Helper()
		want := mail()
		want.Products[0].Own = regexp.MustCompile(`(?i)vendor ?mail`)
		out := &evidencetest.Sink{}
		if err := collector("products").Collect(t.Context(), windows(files), want, out); err != nil {
			t.Fatal(err)
		}
		all := out.Installations()
		if len(all) != 1 || (all[0].Signals[0].Version != "") != believed || (len(all[0].Notes) == 0) != believed {
			t.Errorf("%s: %+v", name, all)
		}
	}
	named := built("1.0.7654.3", "")
	named.Data = append(named.Data, "V\x00e\x00n\x00d\x00o\x00r\x00M\x00a\x00i\x00l\x00"...)
	f("a stranger", false, tree{"Program Files/Other/MailService.exe": built("1.0.7654.3", "")})
	f("a version of the product's line", true, tree{"Program Files/Other/MailService.exe": built("100.0.9406.1", "")})
	f("a folder of its name", true, tree{"VendorMail/MailService.exe": built("15.7.6970.1", "")})
	f("two of its programs", true, tree{"x/MailService.exe": built("15.7.6970.1", ""), "x/MailService.dll": built("15.7.6970.1", "")})
	_, software := hives()
	f("an uninstall entry", true, tree{
		"Program Files (x86)/Vendor/Mail/MailService.exe": built("15.7.6970.1", ""), "Windows/System32/config/SOFTWARE": {Data: software},
	})
	f("its name inside", true, tree{"x/MailService.exe": named})
}
