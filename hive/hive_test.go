package hive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

// corpus unpacks one of the shared hives.
func corpus(t testing.TB, name string) []byte {
	t.Helper()
	return evidencetest.Corpus(t, "registry/"+name)
}

func open(t testing.TB, data []byte) *Hive {
	t.Helper()
	h, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestSystemHive(t *testing.T) {
	h := open(t, corpus(t, "SYSTEM"))
	reg := Registry(func(name string) (*Hive, error) {
		if name == "SYSTEM" {
			return h, nil
		}
		return nil, fs.ErrNotExist
	})
	services, err := reg.Key(`HKLM\SYSTEM\CurrentControlSet\Services`)
	if err != nil {
		t.Fatal(err)
	}
	if len(services.Subkeys) < 200 || services.Written.Year() < 2000 {
		t.Errorf("services: %d subkeys, written %v", len(services.Subkeys), services.Written)
	}
	tcpip, err := reg.Key(`hkey_local_machine\system\currentcontrolset\services\TCPIP`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ToLower(tcpip.Value("imagepath").Text); !strings.HasSuffix(got, `system32\drivers\tcpip.sys`) {
		t.Errorf("ImagePath = %q", got)
	}
	if got := tcpip.Value("Start").Number; got != 0 && got != 1 {
		t.Errorf("Start = %d", got)
	}
	if _, err := reg.Key(`HKLM\SYSTEM\CurrentControlSet\Services\NoSuchService`); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing key: %v", err)
	}
	if _, err := reg.Key(`HKCU\Software`); !errors.Is(err, evidence.ErrUnsupported) {
		t.Errorf("other root: %v", err)
	}
}

// TestEveryCorpusHiveReadsWhole walks all keys and values; names that the
// parser shows must be findable by path.
func TestEveryCorpusHiveReadsWhole(t *testing.T) {
	for _, name := range []string{"BCD", "SAM", "SECURITY", "amcache.hve", "NTUSER.DAT", "ntuser_software_partial", "UsrClass.dat"} {
		h := open(t, corpus(t, name))
		keys, values, bad := 0, 0, 0
		var walk func(path string, depth int)
		walk = func(path string, depth int) {
			key, err := h.Key(path)
			if err != nil {
				bad++
				t.Logf("%s: %v", name, err)
			}
			if key == nil || depth > 40 {
				return
			}
			keys, values = keys+1, values+len(key.Values)
			for _, sub := range key.Subkeys {
				walk(path+`\`+sub, depth+1)
			}
		}
		walk("", 0)
		t.Logf("%s: %d keys, %d values, %d errors, dirty %v, truncated %v", name, keys, values, bad, h.Dirty(), h.Truncated())
		if keys < 10 || bad > 0 {
			t.Errorf("%s: %d keys, %d errors", name, keys, bad)
		}
	}
}

func TestCutHiveSaysSo(t *testing.T) {
	whole := corpus(t, "SYSTEM")
	if h := open(t, whole); h.Truncated() {
		t.Error("whole hive reads as truncated")
	}
	for _, size := range []int{4096, 8192, len(whole) / 8, len(whole) / 2} {
		h := open(t, whole[:size])
		if !h.Truncated() {
			t.Errorf("%d bytes of %d: not truncated", size, len(whole))
		}
		if _, err := h.Key(`ControlSet001\Services\Tcpip`); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d bytes: a key lost to the cut reads as absent", size)
		}
	}
	if _, err := Open(bytes.NewReader(whole), 100); !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("100 bytes: %v", err)
	}
	if _, err := Open(bytes.NewReader(make([]byte, 8192)), 8192); !errors.Is(err, evidence.ErrUnsupported) {
		t.Errorf("zeros: %v", err)
	}
}

func TestDirty(t *testing.T) {
	data := corpus(t, "SAM")
	binary.LittleEndian.PutUint32(data[4:], binary.LittleEndian.Uint32(data[8:])+1)
	if !open(t, data).Dirty() {
		t.Error("differing sequence numbers are not dirty")
	}
}

// TestDecode holds the decoding of values against their bytes.
func TestDecode(t *testing.T) {
	f := func(kind uint32, data string, text string, number uint64, fails bool) {
		t.Helper()
		v := evidence.RegistryValue{Type: kind, Data: []byte(data)}
		if err := decode(&v); (err != nil) != fails || v.Text != text || v.Number != number {
			t.Errorf("type %d %q: %q %d %v", kind, data, v.Text, v.Number, err)
		}
	}
	f(regSZ, "a\x00b\x00\x00\x00x\x00", "ab", 0, false)
	f(regExpandSZ, "%\x00", "%", 0, false)
	f(regSZ, "a", "", 0, false)
	f(regMultiSZ, "a\x00\x00\x00b\x00\x00\x00\x00\x00", "a\nb", 0, false)
	f(regDWORD, "\x01\x02\x00\x00", "", 0x201, false)
	f(regDWORDBE, "\x00\x00\x02\x01", "", 0x201, false)
	f(regDWORD, "\x01", "", 0, true)
	f(regQWORD, "\x01\x00\x00\x00\x00\x00\x00\x01", "", 1<<56|1, false)
	f(regQWORD, "\x01\x00\x00\x00", "", 0, true)
	f(regDWORD, "", "", 0, false)
	f(3, "\x01", "", 0, false)
}

// TestSelfReferringList makes a subkey list name itself: a parser that follows
// it blindly never returns.
func TestSelfReferringList(t *testing.T) {
	data := loop()
	h := open(t, data)
	key, err := h.Key("")
	if err == nil || len(key.Subkeys) != 0 {
		t.Errorf("loop: %v %v", key, err)
	}
	if _, err := h.Key("x"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("key behind a loop: %v", err)
	}
}

// loop builds the smallest hive whose root's ri list holds itself.
func loop() []byte {
	data := make([]byte, 8192)
	le := binary.LittleEndian
	copy(data, "regf")
	le.PutUint32(data[36:], 32)   // root cell
	le.PutUint32(data[40:], 4096) // length of the bins
	copy(data[4096:], "hbin")
	root := data[4096+32:]
	le.PutUint32(root, ^uint32(0x58)+1)
	copy(root[4:], "nk")
	le.PutUint32(root[4+20:], 1)   // one subkey
	le.PutUint32(root[4+28:], 512) // its list
	list := data[4096+512:]
	le.PutUint32(list, ^uint32(0x10)+1)
	copy(list[4:], "ri")
	le.PutUint16(list[6:], 1)
	le.PutUint32(list[8:], 512)
	return data
}

func FuzzKey(f *testing.F) {
	f.Add(loop(), "")
	f.Add(loop(), `a\b`)
	if out, err := exec.Command("xz", "-dc", "../../shared/corpora/registry/SAM.xz").Output(); err == nil {
		f.Add(out[:min(len(out), 16<<10)], `SAM\Domains`)
	}
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		h, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		key, err := h.Key(path)
		if key == nil && err == nil {
			t.Error("no key and no error")
		}
	})
}
