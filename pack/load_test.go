package pack_test

import (
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"postern/pack"
)

var update = flag.Bool("update", false, "write the messages that bad files give into their first lines")

// base is a small good pack in memory, to be spoiled.
func base(t testing.TB) fstest.MapFS { return inMemory(t, os.DirFS("testdata/base")) }

func inMemory(t testing.TB, fsys fs.FS) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		out[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBaseLoads(t *testing.T) {
	p, err := pack.Load(base(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Sigma) != 3 || len(p.YARA) != 1 || len(p.Checks) != 3 || len(p.Tests) != 2 || p.Playbook == nil {
		t.Errorf("%+v", p)
	}
	if len(p.SHA256) != 64 || len(p.Indicators) != 1 || p.Vulnerabilities[0].Fixed.Build != 9518 {
		t.Errorf("%+v", p)
	}
}

// TestBadFiles puts each testdata/NAME.FILE.bad.yaml in the place of the base
// pack's FILE.yaml. Its comment at the end, "# want: ...", one line a fault, is
// what the loader must say, to the letter.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) < 30 {
		t.Fatal("the bad files are gone", err)
	}
	for _, path := range files {
		name := strings.Split(filepath.Base(path), ".")
		t.Run(name[0], func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			content, want, _ := strings.Cut(string(text), "# want: ")
			fsys := base(t)
			fsys[name[1]+".yaml"] = &fstest.MapFile{Data: []byte(content)}
			_, err = pack.Load(fsys)
			if err == nil {
				t.Fatal("it was loaded")
			}
			if *update {
				lines := "# want: " + strings.ReplaceAll(err.Error(), "\n", "\n# want: ") + "\n"
				if err := os.WriteFile(path, []byte(content+lines), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := err.Error(); got != strings.ReplaceAll(strings.TrimSuffix(want, "\n"), "\n# want: ", "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestSentinels(t *testing.T) {
	yaml := func(file, from, to string) func(fstest.MapFS) {
		return func(f fstest.MapFS) {
			text := string(f[file].Data)
			if !strings.Contains(text, from) {
				panic(from)
			}
			f[file] = &fstest.MapFile{Data: []byte(strings.Replace(text, from, to, 1))}
		}
	}
	const advisory = "advisories/example-1.json"
	for _, c := range []struct {
		name  string
		spoil func(fstest.MapFS)
		want  error
	}{
		{"no pack.yaml", func(f fstest.MapFS) { delete(f, "pack.yaml") }, pack.ErrMissing},
		{"no advisory", func(f fstest.MapFS) { delete(f, advisory) }, pack.ErrMissing},
		{"a file of no meaning", func(f fstest.MapFS) { f["indicator.yaml"] = &fstest.MapFile{} }, pack.ErrUnknownFile},
		{"a script", func(f fstest.MapFS) { f["advisories/run.sh"] = &fstest.MapFile{} }, pack.ErrUnknownFile},
		{"too large", func(f fstest.MapFS) { f["logs.yaml"] = &fstest.MapFile{Data: make([]byte, 3<<20)} }, pack.ErrLimit},
		{"unknown field", yaml("pack.yaml", "title:", "titel:"), pack.ErrUnknownField},
		{"other schema", yaml("pack.yaml", "schema: 1", "schema: 9"), pack.ErrSchema},
		{"POST", yaml("product.yaml", "method: GET", "method: POST"), pack.ErrMethod},
		{"unsure proof", func(f fstest.MapFS) {
			yaml("indicators.yaml", "confidence: likely", "confidence: unsure")(f)
			yaml("indicators.yaml", "class: attempt", "class: state")(f)
			yaml("indicators.yaml", "severity: medium", "severity: critical")(f)
		}, pack.ErrUnsure},
		{"advisory not JSON", yaml(advisory, "{", "["), pack.ErrAdvisory},
		{"advisory fails a test", yaml(advisory, "Use of Incorrectly-Resolved Name or Reference", "Use of Names"), pack.ErrAdvisory},
		{"advisory under another name", func(f fstest.MapFS) { f["advisories/other.json"] = f[advisory]; delete(f, advisory) }, pack.ErrAdvisory},
		{"advisory twice", func(f fstest.MapFS) {
			f["advisories/example-2.json"] = &fstest.MapFile{Data: []byte(strings.Replace(string(f[advisory].Data), "EXAMPLE-1", "EXAMPLE-2", 1))}
		}, pack.ErrDuplicate},
		{"fixed version in its own range", yaml(advisory, "vers:generic/<100.0.9518", "vers:generic/<100.0.9600"), pack.ErrAdvisory},
		{"range of no scheme", yaml(advisory, "vers:generic/<100.0.9518", "vers:generic/<latest"), pack.ErrAdvisory},
		{"another product", yaml(advisory, `"name": "SmarterMail"`, `"name": "SmarterStats"`), pack.ErrAdvisory},
		{"no confidence", yaml(advisory, `"Confidence"`, `"Certainty"`), pack.ErrMissing},
		{"KEV of another form", yaml(advisory, `"title": "Example"
    }`, `"title": "Example", "threats": [{"category": "exploit_status", "details": "CISA KEV: yes", "product_ids": ["SM-AFFECTED"]}]
    }`), pack.ErrValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := base(t)
			c.spoil(f)
			_, err := pack.Load(f)
			var fault *pack.Fault
			if !errors.Is(err, c.want) || !errors.As(err, &fault) || fault.File == "" {
				t.Errorf("%v; want %v", err, c.want)
			}
		})
	}
}

// TestEveryFaultIsSaid: an author sees all of them at once.
func TestEveryFaultIsSaid(t *testing.T) {
	f := base(t)
	f["pack.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(f["pack.yaml"].Data), "title:", "titel:", 1))}
	f["product.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(f["product.yaml"].Data), "folders:", "folder:", 1))}
	f["x.yaml"] = &fstest.MapFile{}
	_, err := pack.Load(f)
	for _, want := range []string{"pack.yaml:5:1: pack: unknown field", "product.yaml:3:1: pack: unknown field", "x.yaml: pack: unknown file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

// TestDigest: every name and byte counts.
func TestDigest(t *testing.T) {
	one, err := pack.Load(base(t))
	if err != nil {
		t.Fatal(err)
	}
	again, err := pack.Load(base(t))
	if err != nil || again.SHA256 != one.SHA256 {
		t.Errorf("the same pack has two digests (%v)", err)
	}
	f := base(t)
	f["pack.yaml"] = &fstest.MapFile{Data: append([]byte("# \n"), f["pack.yaml"].Data...)}
	other, err := pack.Load(f)
	if err != nil || other.SHA256 == one.SHA256 {
		t.Errorf("another pack has the same digest (%v)", err)
	}
}

// FuzzLoad spoils one file of the shipped pack: Load must answer, never break.
func FuzzLoad(f *testing.F) {
	good := inMemory(f, os.DirFS("../packs/smartermail"))
	small := base(f)
	names := []string{"pack.yaml", "product.yaml", "logs.yaml", "indicators.yaml", "advisories/example-1.json"}
	for _, name := range slices.Sorted(maps.Keys(small)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i, name := range names {
		f.Add(uint8(i), small[name].Data)
		if text, ok := good[name]; ok {
			f.Add(uint8(i), text.Data)
		}
	}
	bad, _ := filepath.Glob("testdata/*.bad.yaml")
	for _, path := range bad {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for i, name := range names {
			if strings.HasPrefix(strings.Split(filepath.Base(path), ".")[1], strings.TrimSuffix(name, ".yaml")) {
				f.Add(uint8(i), text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		fsys := fstest.MapFS{}
		for name, file := range small {
			fsys[name] = file
		}
		fsys[names[int(which)%len(names)]] = &fstest.MapFile{Data: text}
		p, err := pack.Load(fsys)
		if (p == nil) == (err == nil) {
			t.Fatalf("pack %v, error %v", p, err)
		}
		if p != nil {
			p.CheckTests(nil)
		}
	})
}
