package target

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
	"postern/hive"
	"postern/target/tree"
)

// identify reads host name and time zone from the files that state them. What
// cannot be read is a gap; what is not there is none, the zone's apart.
func identify(src *evidence.Source, t *tree.Tree) {
	for _, v := range src.Volumes {
		if src.ID.Host != "" || src.ID.Zone != nil {
			return // the first drive with a system on it is the machine's
		}
		var err error
		switch src.ID.OS {
		case evidence.Linux:
			err = linuxIdentity(&src.ID, t, v.Root)
		case evidence.Windows:
			err = windowsIdentity(&src.ID, t, v.Root)
		}
		if err != nil {
			src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverState, "host name and time zone", evidence.CompromisedThen, err))
		}
	}
}

// linuxIdentity follows hostname(5) and localtime(5); Debian's etc/timezone
// comes last, as the others are what programs use.
func linuxIdentity(id *evidence.Identity, t *tree.Tree, root evidence.Name) error {
	host, err := firstLine(t, root.Join("etc/hostname"))
	if err == nil && validHost(host) {
		id.Host = host
	}
	errs := []error{present(err)}
	if text, err := t.Link(root.Join("etc/localtime")); err == nil {
		if _, name, found := strings.Cut(text, "zoneinfo/"); found {
			setZone(id, name, "etc/localtime")
		}
	}
	if id.Zone == nil {
		data, err := readAll(t, root.Join("etc/localtime"), 1<<20)
		if zone, zerr := time.LoadLocationFromTZData("etc/localtime", data); err == nil && zerr == nil {
			id.Zone, id.ZoneFrom = zone, "etc/localtime"
		}
		errs = append(errs, present(err))
	}
	if id.Zone == nil {
		name, err := firstLine(t, root.Join("etc/timezone"))
		setZone(id, name, "etc/timezone")
		errs = append(errs, present(err))
	}
	return errors.Join(errs...)
}

// present drops the error of a file that is not there.
func present(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// setZone takes an IANA zone by name; a name that says nothing changes nothing.
func setZone(id *evidence.Identity, name, from string) {
	if name == "" || name == "Local" {
		return // these mean this machine's zone
	}
	if zone, err := time.LoadLocation(name); err == nil {
		id.Zone, id.ZoneFrom = zone, from
	}
}

// windowsIdentity reads the SYSTEM hive of a drive. Drives without one are
// passed by.
func windowsIdentity(id *evidence.Identity, t *tree.Tree, root evidence.Name) error {
	h, err := hive.Load(t, root.Join("Windows/System32/config/SYSTEM"))
	if err != nil {
		if err = present(err); err != nil {
			err = fmt.Errorf("SYSTEM hive: %w", err)
		}
		return err
	}
	defer func() { _ = h.Close() }()
	sel, err := h.Key("Select")
	if err != nil {
		return fmt.Errorf("SYSTEM hive: %w", err)
	}
	set := fmt.Sprintf(`ControlSet%03d\Control\`, sel.Value("Current").Number)
	if key, err := h.Key(set + `ComputerName\ComputerName`); err != nil {
		return fmt.Errorf("SYSTEM hive: %w", err)
	} else if name := cutNUL(key.Value("ComputerName").Text); validHost(name) {
		id.Host = name
	}
	zone, err := h.Key(set + "TimeZoneInformation")
	if err != nil {
		return fmt.Errorf("SYSTEM hive: %w", err)
	}
	windowsZone(id, zone)
	return nil
}

// windowsZone reads TimeZoneInformation. Its names are IANA's by CLDR; with
// daylight saving switched off, or under a name nobody knows, the bias is all
// there is. (DYNAMIC_TIME_ZONE_INFORMATION, Win32 API.)
func windowsZone(id *evidence.Identity, key *evidence.RegistryKey) {
	fixed := key.Value("DynamicDaylightTimeDisabled").Number == 1
	for _, value := range []string{"TimeZoneKeyName", "StandardName"} {
		if name := windowsZones[cutNUL(key.Value(value).Text)]; name != "" && id.Zone == nil && !fixed {
			setZone(id, name, "SYSTEM hive")
		}
	}
	bias := key.Value("Bias")
	if id.Zone != nil || bias.Name == "" {
		return
	}
	minutes := -int(int32(uint32(bias.Number))) // a signed 32-bit value; UTC = local time + bias
	if minutes < -14*60 || minutes > 14*60 {
		return
	}
	id.Zone = time.FixedZone(fmt.Sprintf("UTC%+03d:%02d", minutes/60, abs(minutes%60)), minutes*60)
	id.ZoneFrom = "SYSTEM hive (bias of " + strconv.Itoa(minutes) + " minutes, without daylight saving)"
}

func abs(n int) int { return max(n, -n) }

// cutNUL drops what stands behind a string's end in the registry.
func cutNUL(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// validHost keeps anything but a name out of the report's host column.
func validHost(s string) bool {
	return s != "" && len(s) <= 255 && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '/' || r == '\\' || r == 0xfffd
	}) < 0
}

func firstLine(t *tree.Tree, name evidence.Name) (string, error) {
	data, err := readAll(t, name, 4096)
	line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	return strings.TrimSpace(line), err
}

// readAll reads a small file; one over limit bytes is ErrLimit.
func readAll(t *tree.Tree, name evidence.Name, limit int64) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > limit {
		return nil, fmt.Errorf("%q: %w: %d bytes", name, evidence.ErrLimit, f.Size())
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return data, nil
}
