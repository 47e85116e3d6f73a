package linux

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
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

// logons reads who logged on and who failed to: wtmp, btmp and what logrotate keeps of
// them unpacked.
func (r *reader) logons() {
	r.Tail, r.Limit = true, maxLogons
	for _, l := range []struct{ path, kind string }{{"/var/log/wtmp", evidence.TraceLogon}, {"/var/log/btmp", evidence.TraceFailedLogon}} {
		for _, name := range []string{l.path, l.path + ".1"} {
			r.Each(name, 0, func(f *family.File) { r.logonsOf(f, l.kind) })
		}
	}
	r.Each("/var/lib/wtmpdb/wtmp.db", 0, func(f *family.File) {
		r.Gap(evidence.CoverFile, string(f.Name), evidence.Unsupported, "logons in a database (wtmpdb) are not read by this version")
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
			continue
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

// packages reads which packages came, by dpkg's log.
func (r *reader) packages() {
	r.Tail, r.Limit = true, maxLogons
	for _, name := range []string{"/var/log/dpkg.log", "/var/log/dpkg.log.1"} {
		r.each(name, 0, func(f *file) {
			at := int64(0)
			for line := range strings.SplitSeq(f.text, "\n") {
				at++
				v := strings.Fields(line)
				if len(v) < 5 || v[2] != "install" {
					continue
				}
				zone := r.Src.ID.Zone
				if zone == nil {
					zone = time.UTC
				}
				when, err := time.ParseInLocation("2006-01-02 15:04:05", v[0]+" "+v[1], zone)
				if err != nil {
					continue
				}
				pkg, _, _ := strings.Cut(v[3], ":")
				r.Observe(&evidence.Observation{
					Kind: evidence.ObserveTrace, Time: when, Ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: at, Text: line},
					Values: []string{evidence.TracePackage, pkg, "", "", "", f.Path, "version " + v[len(v)-1]},
				})
			}
		})
	}
}
