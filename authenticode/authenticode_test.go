package authenticode

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

func read(t *testing.T, data []byte, roots *x509.CertPool) evidence.ProgramFacts {
	t.Helper()
	var facts evidence.ProgramFacts
	if err := Read(bytes.NewReader(data), int64(len(data)), roots, time.Now(), &facts); err != nil && !errors.Is(err, ErrNoProgram) {
		t.Fatal(err)
	}
	return facts
}

// testData are the programs that come with the module saferwall/pe.
func testData(t *testing.T) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/saferwall/pe").Output()
	if err != nil {
		t.Skip("no Go here")
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "test", "*.*"))
	if err != nil || len(files) == 0 {
		t.Skip("the module's test data are not here")
	}
	return slices.DeleteFunc(files, func(f string) bool { return filepath.Ext(f) == ".7z" })
}

// TestAsOsslsigncode: what osslsigncode says of the digest of each program signed by
// its maker, and of one that was changed since.
func TestAsOsslsigncode(t *testing.T) {
	if _, err := exec.LookPath("osslsigncode"); err != nil {
		t.Skip("no osslsigncode here")
	}
	signed := 0
	for _, file := range testData(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		facts := read(t, data, nil)
		out, _ := exec.Command("osslsigncode", "verify", "-in", file).CombinedOutput() // it fails without the roots
		said := map[string]string{}
		for line := range strings.SplitSeq(string(out), "\n") {
			if name, digest, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(strings.TrimSpace(name), "message digest") {
				said[strings.Fields(name)[0]] = strings.Fields(digest + " -")[0]
			}
		}
		want := evidence.SignatureAltered
		switch said["Current"] {
		case "":
			if want = evidence.SignatureNone; facts.Signature == evidence.SignatureUnread { // no program
				continue
			}
		case said["Calculated"]:
			want = evidence.SignatureIntact
		}
		if want != evidence.SignatureNone {
			signed++
		}
		if facts.Signature != want {
			t.Errorf("%s: %s (%s), want %s", filepath.Base(file), facts.Signature, facts.Why, want)
		}
	}
	if signed < 15 {
		t.Errorf("%d signed programs: the test data hold more", signed)
	}
}

// TestStampsAsOsslsigncode: the times that osslsigncode reads of tokens and of counter
// signatures.
func TestStampsAsOsslsigncode(t *testing.T) {
	if _, err := exec.LookPath("osslsigncode"); err != nil {
		t.Skip("no osslsigncode here")
	}
	stamps := 0
	for _, file := range testData(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		facts := read(t, data, nil)
		if facts.Signature != evidence.SignatureIntact {
			continue
		}
		out, _ := exec.Command("osslsigncode", "verify", "-in", file).CombinedOutput()
		_, rest, told := strings.Cut(string(out), "Timestamp time:")
		line, _, _ := strings.Cut(rest, "\n")
		want, err := time.Parse("Jan 2 15:04:05 2006 MST", strings.Join(strings.Fields(line), " "))
		switch {
		case !told || err != nil:
			if !facts.Signed.IsZero() {
				t.Errorf("%s: signed %s, and osslsigncode tells no time", filepath.Base(file), facts.Signed)
			}
		case !facts.Signed.Truncate(time.Second).Equal(want):
			t.Errorf("%s: %s (%s), want %s", filepath.Base(file), facts.Signed, facts.Why, want)
		default:
			stamps++
		}
	}
	if stamps < 12 {
		t.Errorf("%d times compared: the test data hold more", stamps)
	}
}

// sign signs a small program with a certificate of its own authority, and gives that.
func sign(t *testing.T, hash string) (data []byte, roots *x509.CertPool) {
	t.Helper()
	for _, tool := range []string{"openssl", "osslsigncode"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no " + tool + " here")
		}
	}
	dir := t.TempDir()
	run := func(name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test Root")
	run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=Vendor Inc.")
	write("ext", []byte("extendedKeyUsage=codeSigning\n"))
	run("openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20", "-extfile", "ext", "-out", "leaf.pem")
	write("in.exe", program())
	run("osslsigncode", "sign", "-certs", "leaf.pem", "-key", "leaf.key", "-h", hash, "-in", "in.exe", "-out", "out.exe")
	data, err := os.ReadFile(filepath.Join(dir, "out.exe"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(ca)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(root)
	return data, roots
}

func program() []byte { return evidencetest.PE("1.2.3.4", "1.2.3.4") }

func TestChain(t *testing.T) {
	for _, hash := range []string{"sha1", "sha256", "sha384", "sha512"} {
		data, roots := sign(t, hash)
		for _, c := range []struct {
			name  string
			roots *x509.CertPool
			want  evidence.Signature
		}{{"own root", roots, evidence.SignatureValid}, {"no root", x509.NewCertPool(), evidence.SignatureUntrusted}, {"no store", nil, evidence.SignatureIntact}} {
			if got := read(t, data, c.roots); got.Signature != c.want || got.Signer != "Vendor Inc." {
				t.Errorf("%s, %s: %s by %q (%s), want %s", hash, c.name, got.Signature, got.Signer, got.Why, c.want)
			}
		}
	}
}

// TestChanged: one byte anywhere, but where the digest leaves it out, and bytes behind
// the end are told; so is a signature that is damaged or cut.
func TestChanged(t *testing.T) {
	data, _ := sign(t, "sha256")
	l, err := locate(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	state := func(change func(b []byte) []byte) evidence.Signature {
		return read(t, change(slices.Clone(data)), nil).Signature
	}
	flip := func(at int64) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	for at := int64(64); at < l.table; at += 37 {
		want := evidence.SignatureAltered
		switch {
		case at >= l.checksum && at < l.checksum+4:
			want = evidence.SignatureIntact
		case at >= l.entry && at < l.entry+8, at >= 0x3c && at < 0x200:
			continue // headers: another layout, or none
		}
		if got := state(flip(at)); got != want {
			t.Errorf("byte %d: %s, want %s", at, got, want)
		}
	}
	if got := state(flip(l.checksum)); got != evidence.SignatureIntact {
		t.Errorf("checksum: %s", got)
	}
	if got := state(func(b []byte) []byte { return append(b, "more"...) }); got != evidence.SignatureAltered {
		t.Errorf("bytes behind the end: %s", got)
	}
	if got := state(func(b []byte) []byte { return b[:len(b)-100] }); got != evidence.SignatureBroken {
		t.Errorf("cut: %s", got)
	}
	for at := l.table + 40; at < l.table+l.tableSize-64; at += 101 {
		if got := state(flip(at)); got != evidence.SignatureBroken && got != evidence.SignatureAltered && got != evidence.SignatureIntact {
			t.Errorf("signature byte %d: %s", at, got)
		}
	}
	if got := state(func(b []byte) []byte {
		binary.LittleEndian.PutUint32(b[l.entry:], 0)
		binary.LittleEndian.PutUint32(b[l.entry+4:], 0)
		return b
	}); got != evidence.SignatureNone {
		t.Errorf("no table: %s", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(program())
	deep := bytes.Repeat([]byte{0x30, 0x80}, 100)
	f.Add(append(program(), deep...))
	f.Fuzz(func(t *testing.T, data []byte) {
		var facts evidence.ProgramFacts
		_ = Read(bytes.NewReader(data), int64(len(data)), x509.NewCertPool(), time.Now(), &facts)
		if p, err := parse(data); err == nil {
			_ = p.GetOnlySigner()
		}
		_, _, _ = digestOf(data)
		_, _ = stampOf(data, nil)
		_, _ = counterOf(data, nil, nil)
	})
}
