package yara

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/detect/yara/module"
)

// flatten writes a module's values as "path = value" lines, as "yara -D" has
// them.
func flatten(v module.Value, t *module.Type, path string, out map[string]string) {
	switch t.Kind {
	case module.Struct:
		for name, ft := range t.Fields {
			if ft.Kind != module.Func && !ft.Const.Defined() {
				flatten(v.Field(name), ft, path+"."+name, out)
			}
		}
	case module.Dict:
		for k, e := range v.Entries() {
			flatten(e, t.Elem, path+"."+k, out)
		}
	case module.Array:
		for i, e := range v.List() {
			flatten(e, t.Elem, fmt.Sprintf("%s[%d]", path, i), out)
		}
	case module.String:
		if v.Defined() {
			var b strings.Builder
			for _, c := range []byte(v.Str) {
				if c >= 32 && c < 127 {
					b.WriteByte(c)
				} else {
					fmt.Fprintf(&b, "\\x%02x", c)
				}
			}
			out[path] = `"` + b.String() + `"`
		}
	default:
		if v.Defined() {
			out[path] = fmt.Sprint(v.Int())
		}
	}
}

// dump parses the output of "yara -D".
func dump(text, name string) map[string]string {
	out := map[string]string{}
	var path []string
	active := false
	functions := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		depth := len(line) - len(strings.TrimLeft(line, "\t"))
		key, value, isValue := strings.Cut(line[depth:], " = ")
		if depth == 0 {
			active = line == name
			path = []string{""}
			continue
		}
		if !active || key == "" {
			continue
		}
		if depth > len(path) {
			depth = len(path)
		}
		path = path[:depth]
		// libyara numbers the functions of all libraries on; the documentation
		// and we begin anew in each.
		if key == "functions" {
			functions = 0
		}
		if len(path) > 0 && strings.HasSuffix(path[len(path)-1], ".functions") {
			key = fmt.Sprintf("[%d]", functions)
			functions++
		}
		full := path[len(path)-1] + "." + key
		if key[0] == '[' {
			full = path[len(path)-1] + key
		}
		path = append(path, full)
		if isValue && value != "YR_UNDEFINED" {
			out[full] = value
		}
	}
	return out
}

// programs are files of the kind, one of each content.
func programs(suffixes []string, limit int, roots ...string) (files []string) {
	seen := map[[32]byte]bool{}
	for _, f := range tree(100000, 8<<20, roots...) {
		ext := strings.ToLower(filepath.Ext(f))
		if !slices.Contains(suffixes, ext) || len(files) >= limit {
			continue
		}
		text, err := os.ReadFile(f)
		if sum := sha256.Sum256(text); err == nil && !seen[sum] {
			seen[sum] = true
			files = append(files, f)
		}
	}
	return files
}

func compareModule(t *testing.T, name string, files []string, known func(field string) bool) {
	if _, err := exec.LookPath("yara"); err != nil {
		t.Skip("no yara here to compare with")
	}
	rules := filepath.Join(t.TempDir(), "r")
	if err := os.WriteFile(rules, []byte(`import "`+name+`" rule r { condition: false }`), 0o600); err != nil {
		t.Fatal(err)
	}
	all := modules()
	m := all[slices.IndexFunc(all, func(m module.Module) bool { return m.Name == name })]
	fields, different := 0, 0
	for _, f := range files {
		text, err := exec.Command("yara", "-w", "-D", rules, f).Output()
		if err != nil {
			continue
		}
		theirs := dump(string(text), name)
		data, _ := os.Open(f)
		st, _ := data.Stat()
		c := &content{r: data, size: st.Size()}
		if err := c.load(0, int(c.size)); err != nil {
			t.Fatal(err)
		}
		mine := map[string]string{}
		flatten(m.Open(c).Root, m.Type, "", mine)
		data.Close()
		fields += len(theirs)
		shown := 0
		keys := maps.Clone(theirs)
		maps.Copy(keys, mine)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			if _, isConst := m.Type.Fields[strings.TrimPrefix(k, ".")]; isConst && m.Type.Fields[strings.TrimPrefix(k, ".")].Const.Defined() {
				continue
			}
			if theirs[k] != mine[k] && !known(k) {
				different++
				if shown++; shown <= 6 {
					t.Errorf("%s: %s: libyara %.200s, here %.200s", f, k, theirs[k], mine[k])
				}
			}
		}
	}
	t.Logf("%d files, %d fields, %d different", len(files), fields, different)
}

func TestSamePEFieldsAsLibyara(t *testing.T) {
	roots := append(filepath.SplitList(os.Getenv("YARA_TREE")), goRoot()+"/src", "/usr/share", "/usr/lib/python3",
		filepath.Join(os.Getenv("HOME"), "go/pkg/mod/github.com/saferwall"))
	files := programs([]string{".exe", ".dll", ".sys", ".efi", ".ocx"}, 200, roots...)
	later := []string{".rva", ".version_data", ".delayed_import_details", ".is_signed"}
	if os.Getenv("YARA_MUTATE") != "" {
		files = mutants(t, files, 300)
	}
	compareModule(t, "pe", files, func(field string) bool {
		for _, l := range later { // fields of later versions than Debian's
			if strings.HasSuffix(field, l) && !strings.Contains(field, "resources[") || strings.HasPrefix(field, l) {
				return true
			}
		}
		// Debian's version adds up number_of_functions over the libraries, and
		// leaves delay_import_details empty; the documentation says otherwise.
		return strings.HasSuffix(field, ".number_of_functions") || strings.HasPrefix(field, ".delay_import_details")
	})
}

func TestSameELFFieldsAsLibyara(t *testing.T) {
	files := programs([]string{"", ".o", ".so", ".syso"}, 60, "/usr/bin", "/usr/lib/x86_64-linux-gnu", goRoot()+"/src")
	files = append(files, programs([]string{".syso", ".so", "", ".elf"}, 60, goRoot()+"/src/debug", goRoot()+"/src/runtime")...)
	if os.Getenv("YARA_MUTATE") != "" {
		files = mutants(t, files, 300)
	}
	compareModule(t, "elf", files, func(string) bool { return false })
}

func TestSameDotNetFieldsAsLibyara(t *testing.T) {
	roots := append(filepath.SplitList(os.Getenv("YARA_TREE")), "/usr/share", "/usr/lib/mono",
		filepath.Join(os.Getenv("HOME"), "go/pkg/mod/github.com/saferwall"))
	files := programs([]string{".exe", ".dll"}, 150, roots...)
	if os.Getenv("YARA_MUTATE") != "" {
		files = mutants(t, files, 300)
	}
	compareModule(t, "dotnet", files, func(field string) bool {
		// Debian's version cuts the last byte of blobs.
		return strings.HasSuffix(field, ".public_key_or_token") || strings.HasPrefix(field, ".constants[")
	})
}

// mutants writes copies of small files with some bytes of their headers changed.
func mutants(t *testing.T, files []string, n int) (all []string) {
	seed := time.Now().UnixNano()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(uint64(seed), 1))
	dir := t.TempDir()
	for len(all) < n {
		text, err := os.ReadFile(files[rnd.IntN(len(files))])
		if err != nil || len(text) > 300_000 || len(text) < 1024 {
			continue
		}
		head := 1024
		if rnd.IntN(3) == 0 {
			head = len(text)
		}
		for range 1 + rnd.IntN(head/100) {
			at := rnd.IntN(min(head, len(text)))
			switch rnd.IntN(4) {
			case 0:
				text[at] = 0
			case 1:
				text[at] = 0xff
			case 2:
				text[at] ^= 1 << rnd.IntN(8)
			default:
				text[at] = byte(rnd.IntN(256))
			}
		}
		if rnd.IntN(5) == 0 {
			text = text[:rnd.IntN(len(text))+1]
		}
		name := filepath.Join(dir, strconv.Itoa(len(all)))
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	return all
}
