package target

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

func TestLinuxIdentity(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	tzif := tzifOf(t, berlin)
	for _, c := range []struct {
		name       string
		files      []string
		host, from string
		zone       string
	}{
		{"link", []string{"etc/hostname = mail01\n", "etc/localtime -> ../usr/share/zoneinfo/Europe/Berlin", "etc/timezone = UTC"}, "mail01", "etc/localtime", "Europe/Berlin"},
		{"absolute link", []string{"etc/localtime -> /usr/share/zoneinfo/America/New_York"}, "", "etc/localtime", "America/New_York"},
		{"copied file", []string{"etc/localtime = " + tzif}, "", "etc/localtime", "etc/localtime"},
		{"Debian", []string{"etc/timezone = Asia/Tokyo\n"}, "", "etc/timezone", "Asia/Tokyo"},
		{"neither", nil, "", "", ""},
		{"this machine's zone is not theirs", []string{"etc/timezone = Local"}, "", "", ""},
		{"a path for a zone", []string{"etc/timezone = ../../etc/passwd", "etc/localtime -> /usr/share/zoneinfo/../../../etc/passwd"}, "", "", ""},
		{"a host name that is none", []string{"etc/hostname = \x1b[31mx y"}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := open(t, lay(t, append(c.files, "etc/passwd", "var/log/x")...), Options{})
			zone := ""
			if src.ID.Zone != nil {
				zone = src.ID.Zone.String()
			}
			if src.ID.Host != c.host || src.ID.ZoneFrom != c.from || zone != c.zone {
				t.Errorf("host %q, zone %q from %q", src.ID.Host, zone, src.ID.ZoneFrom)
			}
			if len(src.Gaps) != 0 { // whether a zone is missed, the logs tell: IIS writes UTC
				t.Errorf("gaps %v", src.Gaps)
			}
		})
	}
}

// tzifOf makes the smallest TZif (RFC 8536) of a zone's winter offset.
func tzifOf(t *testing.T, zone *time.Location) string {
	t.Helper()
	_, offset := time.Date(2026, 1, 1, 0, 0, 0, 0, zone).Zone()
	var b bytes.Buffer
	b.WriteString("TZif" + strings.Repeat("\x00", 16))
	for _, n := range []byte{0, 0, 0, 0, 1, 4} { // one type, four bytes of names
		b.Write([]byte{0, 0, 0, n})
	}
	b.Write([]byte{0, 0, byte(offset >> 8), byte(offset), 0, 0})
	b.WriteString("CET\x00")
	return b.String()
}

func TestWindowsZones(t *testing.T) {
	for name, zone := range windowsZones {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	text := func(name, s string) evidence.RegistryValue {
		return evidence.RegistryValue{Name: name, Type: 1, Text: s}
	}
	number := func(name string, n int32) evidence.RegistryValue {
		return evidence.RegistryValue{Name: name, Type: 4, Number: uint64(uint32(n))}
	}
	for _, c := range []struct {
		values []evidence.RegistryValue
		offset int // seconds in July
		from   string
	}{
		{[]evidence.RegistryValue{text("TimeZoneKeyName", "W. Europe Standard Time"), number("Bias", -60)}, 7200, "SYSTEM hive"},
		{[]evidence.RegistryValue{text("TimeZoneKeyName", "Pacific Standard Time\x00junk")}, -7 * 3600, "SYSTEM hive"},
		{[]evidence.RegistryValue{text("TimeZoneKeyName", "Nobody's"), text("StandardName", "India Standard Time")}, 19800, "SYSTEM hive"},
		{[]evidence.RegistryValue{text("StandardName", "@tzres.dll,-322"), number("Bias", -60)}, 3600, "bias of 60 minutes, without daylight saving"},
		{[]evidence.RegistryValue{text("TimeZoneKeyName", "W. Europe Standard Time"), number("DynamicDaylightTimeDisabled", 1), number("Bias", -60)}, 3600, "bias of 60"},
		{[]evidence.RegistryValue{number("Bias", 210)}, -12600, "bias of -210"},
		{[]evidence.RegistryValue{number("Bias", 99999)}, 0, ""},
		{nil, 0, ""},
	} {
		var id evidence.Identity
		windowsZone(&id, &evidence.RegistryKey{Values: c.values})
		if (id.Zone == nil) != (c.from == "") || !strings.Contains(id.ZoneFrom, c.from) {
			t.Errorf("%v: %v from %q", c.values, id.Zone, id.ZoneFrom)
			continue
		}
		if id.Zone != nil {
			if _, offset := time.Date(2026, 7, 1, 0, 0, 0, 0, id.Zone).Zone(); offset != c.offset {
				t.Errorf("%v: offset %d", c.values, offset)
			}
		}
	}
}

func TestBadHiveIsAGap(t *testing.T) {
	src := open(t, lay(t, "Windows/System32/config/SYSTEM = not a hive", "Users/Public/x"), Options{Zone: time.UTC})
	if len(src.Gaps) != 1 || src.Gaps[0].Parts != evidence.CompromisedThen {
		t.Errorf("%v", src.Gaps)
	}
}

func TestRealHives(t *testing.T) {
	for name, want := range map[string][2]string{
		"SYSTEM": {"WKS-WIN732BITA", "America/New_York"}, "SYSTEM_2": {"SENSEI", "America/Los_Angeles"},
		"SYSTEM_B": {"DESKTOP-PM6C56D", "America/New_York"}, "SYSTEM_WIN_10_1709": {"DESKTOP-2KGM189", "America/Los_Angeles"},
	} {
		path := "../../shared/corpora/registry/" + name + ".xz"
		if _, err := os.Stat(path); err != nil {
			t.Skip("no corpora beside the project")
		}
		data, err := exec.Command("xz", "-dc", path).Output()
		if err != nil {
			t.Skipf("no xz: %v", err)
		}
		src := open(t, lay(t, "Windows/System32/config/SYSTEM = "+string(data), "Users/Public/x"), Options{})
		if src.ID.Host != want[0] || src.ID.Zone.String() != want[1] || len(src.Gaps) > 0 {
			t.Errorf("%s: %+v %v", name, src.ID, src.Gaps)
		}
	}
}
