package ran

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"postern/evidence"
)

// mam compresses data with a code of nine bits for each symbol, literals and short
// matches: enough to be read, and small enough to be seen through.
func mam(data []byte) []byte {
	out := slices.Concat([]byte("MAM\x04"), binary.LittleEndian.AppendUint32(nil, uint32(len(data))))
	for at := 0; at < len(data); {
		out = append(out, bytes.Repeat([]byte{0x99}, codeLengths)...)
		acc, n, words := uint64(0), 0, []byte(nil)
		put := func(v, bits int) {
			acc, n = acc<<bits|uint64(v), n+bits
			for n >= 16 {
				words = binary.LittleEndian.AppendUint16(words, uint16(acc>>(n-16)))
				n -= 16
			}
		}
		for end := min(at+blockSize, len(data)); at < end; {
			if same := run(data[:end], at); same >= 3 {
				put(256+same-3, 9) // one byte back
				at += same
				continue
			}
			put(int(data[at]), 9)
			at++
		}
		put(0, 15) // what is begun is ended
		out = append(append(out, words...), 0, 0)
	}
	return out
}

// run is how often the byte before comes again, up to what a short match holds.
func run(data []byte, at int) (n int) {
	for at > 0 && at+n < len(data) && n < 17 && data[at+n] == data[at-1] {
		n++
	}
	return n
}

// prefetchFile is a prefetch file of a version with a program that ran seven times, at
// the time changed.
func prefetchFile(version uint32, name string) []byte {
	le := binary.LittleEndian
	volume := `\VOLUME{01d1217a9c4c6779-8c9f49ec}`
	if version < 30 {
		volume = `\DEVICE\HARDDISKVOLUME2`
	}
	names := wide(volume + "\\WINDOWS\\SYSTEM32\\NTDLL.DLL\x00" + volume + "\\TOOLS\\" + name + "\x00")
	info := map[uint32]int{17: 68, 23: 156, 26: 220, 30: 220, 31: 212}[version]
	runs := map[uint32]int{17: 144, 23: 152, 26: 208, 30: 208, 31: 200}[version]
	b := make([]byte, pfHead+info)
	le.PutUint32(b, version)
	copy(b[4:], "SCCA")
	copy(b[pfName:], wide(name))
	le.PutUint32(b[76:], 0x11111111)
	le.PutUint32(b[pfHead:], uint32(len(b)))
	le.PutUint32(b[pfHead+8:], uint32(len(b)))
	le.PutUint32(b[pfNames:], uint32(len(b)))
	le.PutUint32(b[pfNames+4:], uint32(len(names)))
	le.PutUint32(b[runs:], 7)
	switch version {
	case 17:
		copy(b[120:], when())
	case 23:
		copy(b[pfTimes:], when())
	default:
		copy(b[pfTimes:], when())
		copy(b[pfTimes+8:], when())
	}
	b = append(b, names...)
	le.PutUint32(b[12:], uint32(len(b)))
	return b
}

// TestPrefetch: every version gives the same. Velocidex's go-prefetch of 2025-10 reads
// name, times and runs alike out of these files, compressed or not; POSTERN_PREFETCH
// names a folder that takes them.
func TestPrefetch(t *testing.T) {
	for _, version := range []uint32{17, 23, 26, 30, 31} {
		plain := prefetchFile(version, "L.EXE")
		for what, data := range map[string][]byte{"plain": plain, "mam": mam(plain), "long": mam(append(slices.Clone(plain), make([]byte, 3*blockSize)...))} {
			p, err := parsePrefetch(data)
			if err != nil {
				t.Errorf("version %d, %s: %v", version, what, err)
				continue
			}
			if p.name != "L.EXE" || p.path != `C:\TOOLS\L.EXE` || p.runs != 7 || len(p.at) == 0 || !p.at[0].Equal(changed) {
				t.Errorf("version %d, %s: %+v", version, what, p)
			}
			if dir := os.Getenv("POSTERN_PREFETCH"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, "L.EXE-"+strconv.Itoa(int(version))+what+".pf"), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	f := func(data []byte, want error) {
		t.Helper()
		if _, err := parsePrefetch(data); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	whole := mam(prefetchFile(30, "L.EXE"))
	f(whole[:len(whole)-8], evidence.ErrTruncated)
	f([]byte("MAM\x04\xff\xff\xff\xff"), evidence.ErrLimit)
	f([]byte("MAM\x03\x00\x00\x00\x00"), evidence.ErrUnsupported)
	f([]byte("SCCA"), evidence.ErrUnsupported)
	f(prefetchFile(30, "L.EXE")[:310], evidence.ErrTruncated)
}

// TestUnpack: the two examples of [MS-XCA] 3.2.
func TestUnpack(t *testing.T) {
	f := func(lengths map[int]byte, rest, want string) {
		t.Helper()
		data := make([]byte, codeLengths)
		for symbol, length := range lengths {
			data[symbol/2] |= length << (4 * (symbol % 2))
		}
		bits, err := hex.DecodeString(rest)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpack(append(data, bits...), len(want))
		if err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	alphabet := map[int]byte{256: 4}
	for c := 'a'; c <= 'z'; c++ {
		alphabet[int(c)] = 5
		if c > 'v' {
			alphabet[int(c)] = 4
		}
	}
	f(alphabet, "d8523ed794115be9195ff9d67cdf8d0400000000", "abcdefghijklmnopqrstuvwxyz")
	f(map[int]byte{'a': 3, 'b': 3, 'c': 2, 256: 2, 287: 2}, "a8dc0000ff2601", strings.Repeat("abc", 100))
}

func FuzzPrefetch(f *testing.F) {
	f.Add(prefetchFile(17, "L.EXE"))
	f.Add(prefetchFile(31, "L.EXE"))
	f.Add(mam(prefetchFile(30, "L.EXE")))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePrefetch(data)
		if (p == nil) == (err == nil) {
			t.Error("neither or both")
		}
		if err != nil && !errors.Is(err, errPrefetch) {
			t.Error(err)
		}
	})
}

func FuzzDefender(f *testing.F) {
	f.Add(wide(`C:\inetpub\wwwroot\m.aspx`))
	f.Add([]byte("\xff\xfea\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, text := range wideTexts(data) {
			if len(text) < 4 {
				t.Errorf("%q", text)
			}
		}
		if len(logText(data)) > 3*len(data) {
			t.Error("longer than it can be")
		}
	})
}
