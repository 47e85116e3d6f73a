package linux

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"postern/collect/family"
	"postern/evidence"
)

// A record of wtmp and btmp (utmp(5), as 64-bit glibc of x86 writes it).
const (
	logonSize   = 384
	userProcess = 7
	maxLogons   = 16 << 20 // bytes of one file; of a longer one its end is read
)

// logons reads who logged on and who failed to: wtmp and btmp, and what logrotate keeps
// of them.
func (r *reader) logons() {
	r.Tail, r.Limit = true, maxLogons
	for _, l := range []struct{ name, kind string }{{"wtmp", evidence.TraceLogon}, {"btmp", evidence.TraceFailedLogon}} {
		r.kept(l.name, func(f *family.File) { r.logonsOf(f, l.kind) })
	}
	for _, path := range []string{"/var/lib/wtmpdb/wtmp.db", "/var/lib/lastlog/lastlog2.db"} {
		r.Each(path, 0, func(f *family.File) {
			r.Gap(evidence.CoverFile, string(f.Name), evidence.Unsupported, "logons in a database are not read by this version")
		})
	}
}

// kept calls fn for a log of /var/log and what logrotate keeps of it, unpacked where it
// is gzip; of others it says that they are not read.
func (r *reader) kept(name string, fn func(f *family.File)) {
	turn := regexp.MustCompile(`^` + regexp.QuoteMeta(name) + `([.-]\d+)?(\.[a-z0-9]+)?$`)
	r.Only = func(e evidence.Entry) bool { return turn.MatchString(e.Name.Base()) }
	defer func() { r.Only = nil }()
	r.Each("/var/log", 0, func(f *family.File) {
		switch ending := turn.FindStringSubmatch(f.Name.Base())[2]; ending {
		case "":
			fn(f)
		case ".gz":
			z, err := gzip.NewReader(bytes.NewReader(f.Data))
			var data []byte
			if err == nil {
				data, err = io.ReadAll(io.LimitReader(z, maxLogons+1))
			}
			if err != nil {
				r.Lost(evidence.CoverFile, string(f.Name), err)
			}
			if len(data) > maxLogons {
				r.Gap(evidence.CoverFile, string(f.Name), evidence.TooLarge, "longer unpacked than what is read of it")
				data = data[:maxLogons]
			}
			fn(&family.File{Entry: f.Entry, Path: f.Path, Data: data})
		default:
			r.Gap(evidence.CoverFile, string(f.Name), evidence.Unsupported, "packed as "+ending+", which is not read here by this version")
		}
	})
}

func (r *reader) logonsOf(f *family.File, kind string) {
	if len(f.Data)%logonSize != 0 {
		r.Lost(evidence.CoverFile, string(f.Name), fmt.Errorf("linux: %d bytes are no whole number of records of %d: %w", len(f.Data), logonSize, evidence.ErrTruncated))
	}
	for n := int64(0); (n+1)*logonSize <= int64(len(f.Data)); n++ {
		b := f.Data[n*logonSize:][:logonSize]
		l := logonOf(b)
		if kind == evidence.TraceLogon && binary.LittleEndian.Uint16(b) != userProcess || l.user == "" {
			continue // a boot, an end
		}
		r.Observe(&evidence.Observation{
			Kind: evidence.ObserveTrace, Time: l.at, Ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Record, At: n + 1, Text: l.user + " " + l.from()},
			Values: []string{kind, "", "", "", l.user, f.Path, l.from()},
		})
	}
}

// logon is one record.
type logon struct {
	user, line, host string
	address          netip.Addr // zero: none
	at               time.Time
}

// from says from where, and on what.
func (l *logon) from() string {
	from := l.host
	if l.address.IsValid() && l.host != l.address.String() {
		from = strings.TrimSpace(from + " " + l.address.String())
	}
	if from != "" {
		from = "from " + from
	}
	if l.line != "" {
		from = strings.TrimSpace(from + " on " + l.line)
	}
	return from
}

// logonOf reads a record of logonSize bytes.
func logonOf(b []byte) (l logon) {
	text := func(from, size int) string {
		s, _, _ := bytes.Cut(b[from:from+size], []byte{0})
		return strings.ToValidUTF8(string(s), "�")
	}
	l.line, l.user, l.host = text(8, 32), text(44, 32), text(76, 256)
	if s := int64(int32(binary.LittleEndian.Uint32(b[340:]))); s > 0 {
		l.at = time.Unix(s, int64(binary.LittleEndian.Uint32(b[344:])%1e6)*1000).UTC()
	}
	switch raw := b[348:364]; {
	case bytes.Equal(raw, make([]byte, 16)):
	case bytes.Equal(raw[4:], make([]byte, 12)):
		l.address = netip.AddrFrom4([4]byte(raw[:4]))
	default:
		l.address = netip.AddrFrom16([16]byte(raw)).Unmap()
	}
	return l
}

// packages reads which packages came, by the logs of dpkg and of dnf.
func (r *reader) packages() {
	r.Tail, r.Limit = true, maxLogons
	r.kept("dpkg.log", func(f *family.File) { r.installs(f, dpkgInstall, "2006-01-02 15:04:05") })
	r.kept("dnf.rpm.log", func(f *family.File) { r.installs(f, dnfInstall, "2006-01-02T15:04:05-0700") })
	r.kept("yum.log", func(f *family.File) {
		r.Gap(evidence.CoverFile, string(f.Name), evidence.Unsupported, "a log without years, which is not read by this version")
	})
}

var (
	// dpkgInstall is "2026-02-01 03:00:01 install name:arch <none> version" (dpkg(1), log format).
	dpkgInstall = regexp.MustCompile(`^(\S+ \S+) install ([^ :]+)\S* \S+ (\S+)`)
	// dnfInstall is "2026-02-01T03:00:01+0000 SUBDEBUG Installed: name-version.arch".
	dnfInstall = regexp.MustCompile(`^(\S+) \S+ Installed: (\S+?)-(\d\S*)`)
	// dated is how every line of both begins.
	dated = regexp.MustCompile(`^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d`)
)

// installs hands on the packages that a log says were installed, by lines of time, name
// and version.
func (r *reader) installs(f *family.File, shape *regexp.Regexp, layout string) {
	zone := r.Src.ID.Zone
	if zone == nil {
		zone = time.UTC
		if !strings.Contains(layout, "-0700") {
			r.Gap(evidence.CoverFile, string(f.Name), evidence.Ambiguous, "its times are local, and the host's time zone is not known: they were read as UTC")
		}
	}
	at, odd := int64(0), 0
	for line := range strings.SplitSeq(string(f.Data), "\n") {
		at++
		m := shape.FindStringSubmatch(line)
		if m == nil {
			if line != "" && !dated.MatchString(line) {
				odd++
			}
			continue
		}
		when, err := time.ParseInLocation(layout, m[1], zone)
		if err != nil {
			odd++
		}
		r.Observe(&evidence.Observation{
			Kind: evidence.ObserveTrace, Time: when, Ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: at, Text: line},
			Values: []string{evidence.TracePackage, m[2], "", "", "", f.Path, "version " + m[3]},
		})
	}
	if odd > 0 {
		r.Gap(evidence.CoverFile, string(f.Name), evidence.Damaged, fmt.Sprintf("%d lines that were not understood", odd))
	}
}
