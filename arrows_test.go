package postern_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows is the house: which rooms a room may import, and which libraries of
// its field it owns. Anything else fails. "std" libraries are always allowed.
var arrows = map[string]struct{ rooms, libs []string }{
	".":                     {rooms: []string{"detect", "journal", "pack", "report", "verdict", "evidence"}},
	"cmd/postern":           {rooms: []string{"*"}, libs: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term", "go.yaml.in/yaml/v3"}},
	"bench":                 {rooms: []string{"evidence", "eventlog/evtx", "detect/yara"}},
	"cmd/postern/manual":    {libs: []string{"github.com/spf13/cobra", "github.com/spf13/pflag"}},
	"evidence":              {},
	"evidence/evidencetest": {rooms: []string{"evidence"}, libs: []string{"github.com/ulikunitz/xz"}},
	"authenticode":          {rooms: []string{"evidence"}, libs: []string{"github.com/ayoubfaouzi/pkcs7"}},
	"inflate":               {rooms: []string{"evidence"}, libs: []string{"github.com/ulikunitz/xz"}},
	"target/unpack":         {rooms: []string{"evidence", "inflate"}, libs: []string{"github.com/klauspost/compress", "github.com/ulikunitz/xz", "github.com/bodgit/sevenzip"}},
	"target/tree":           {rooms: []string{"evidence", "target/unpack"}, libs: []string{"github.com/klauspost/compress", "golang.org/x/sys"}},
	"target/collection":     {rooms: []string{"evidence", "target/tree"}},
	"target/accounts":       {rooms: []string{"evidence"}, libs: []string{"golang.org/x/sys"}},
	"target":                {rooms: []string{"evidence", "hive", "target/accounts", "target/tree", "target/collection"}, libs: []string{"github.com/shirou/gopsutil/v4", "golang.org/x/sys", "golang.org/x/time", "go.yaml.in/yaml/v3"}},
	"collect":               {rooms: []string{"evidence", "version", "eventlog", "hive", "authenticode", "collect/linux", "collect/ran", "collect/windows"}, libs: []string{"github.com/saferwall/pe", "go.yaml.in/yaml/v3", "golang.org/x/time/rate"}},
	"collect/family":        {rooms: []string{"evidence"}},
	"collect/linux":         {rooms: []string{"evidence", "collect/family"}},
	"collect/ran":           {rooms: []string{"evidence", "collect/family", "collect/winreg"}},
	"collect/windows":       {rooms: []string{"evidence", "collect/family", "collect/winreg"}},
	"collect/winreg":        {rooms: []string{"evidence", "hive", "collect/family"}},
	"probe":                 {rooms: []string{"evidence", "version"}},
	"eventlog/cut":          {rooms: []string{"evidence"}},
	"eventlog/jsonline":     {rooms: []string{"evidence", "eventlog/cut"}},
	"eventlog/ncsa":         {rooms: []string{"evidence", "eventlog/cut"}},
	"eventlog/peers":        {rooms: []string{"evidence", "eventlog/cut"}},
	"eventlog/syslog":       {rooms: []string{"evidence", "eventlog/cut", "eventlog/jsonline"}},
	"eventlog/evtx":         {rooms: []string{"evidence"}},
	"eventlog/plain":        {},
	"eventlog/winjson":      {rooms: []string{"evidence", "eventlog/evtx", "eventlog/jsonline"}},
	"eventlog":              {rooms: []string{"evidence", "eventlog/cut", "eventlog/evtx", "eventlog/jsonline", "eventlog/ncsa", "eventlog/peers", "eventlog/plain", "eventlog/syslog", "eventlog/winjson", "inflate"}, libs: []string{"github.com/klauspost/compress"}},
	"hive":                  {rooms: []string{"evidence"}, libs: []string{"www.velocidex.com/golang/regparser"}},
	"version":               {},
	"ioc":                   {rooms: []string{"evidence"}},
	"csaf":                  {},
	"cacao":                 {},
	"pack/strict":           {libs: []string{"go.yaml.in/yaml/v3"}},
	"pack/settings":         {},
	"pack":                  {rooms: []string{"evidence", "csaf", "cacao", "version", "pack/strict", "pack/settings"}},
	"packs":                 {},
	"docs":                  {},
	"detect":                {rooms: []string{"pack", "ioc", "evidence", "verdict", "version", "eventlog/evtx", "eventlog/winjson", "detect/anomaly", "detect/persist", "detect/sigma", "detect/tools", "detect/yara", "detect/yara/atom"}},
	"detect/anomaly":        {},
	"detect/persist":        {rooms: []string{"evidence", "detect/anomaly", "detect/tools"}},
	"detect/tools":          {libs: []string{"go.yaml.in/yaml/v3"}},
	"journal":               {rooms: []string{"detect", "evidence"}},
	"detect/sigma":          {libs: []string{"go.yaml.in/yaml/v3"}},
	"detect/yara":           {rooms: []string{"detect/yara/atom", "detect/yara/dotnet", "detect/yara/elf", "detect/yara/module", "detect/yara/pe", "detect/yara/rx", "detect/yara/syntax"}},
	"detect/yara/atom":      {},
	"detect/yara/dotnet":    {rooms: []string{"detect/yara/module", "detect/yara/pe"}},
	"detect/yara/elf":       {rooms: []string{"detect/yara/module"}},
	"detect/yara/module":    {},
	"detect/yara/pe":        {rooms: []string{"detect/yara/module"}},
	"detect/yara/rx":        {rooms: []string{"detect/yara/atom"}},
	"detect/yara/syntax":    {},
	"verdict":               {rooms: []string{"evidence"}},
	"report":                {rooms: []string{"verdict", "evidence"}},
	"report/diff":           {rooms: []string{"report", "verdict", "evidence"}},
	"report/timeline":       {rooms: []string{"report", "verdict", "evidence"}},
	"report/page":           {rooms: []string{"report", "report/diff", "verdict", "evidence"}},
}

// Budgets are smells: a number over one is a question that the exception answers.
const (
	fileLines    = 400
	funcLines    = 60
	structFields = 20
	packageLines = 2500
	exported     = 30
	examineLines = 150
)

// over lists what may exceed a budget, each with its reason.
var over = map[string]string{
	"cmd/postern lines":  "one file per subcommand, each parse, call, render; nothing else uses them",
	"evidence exported":  "the vocabulary of every room",
	"detect/sigma lines": "one specification whole: rules, modifiers, correlations, filters; they share its reader and its conditions",
	"pack lines":         "one strict loader for every file of a pack: nine kinds, each a page of fields and checks",
	"detect lines":       "one engine: six kinds of rules compiled and held in one pass; what a build means (build.go, fix.go, installation.go) moves out when a second scheme joins it",
	"pack/pack.go Pack":  "all that a pack says, a field for each part of it",
	"report exported":    "a type for each object of the document and its schema",
	"report/page lines":  "every form in which people read one report; they share its rows, and none of it is used elsewhere",
	"target/tree lines":  "every way files are stored (disk, zip, tar, 7z, memory) behind one store",
	"eventlog lines":     "one way from a file to lanes: containers, blocks read apart and taken up again, what becomes of each line; layouts whose lines stand alone have rooms of their own",
	"collect lines":      "one walk serves every collector; reading programs (program.go) moves out when a second format joins it",
}

var banned = []string{"util", "utils", "common", "types", "models", "helpers", "base", "manager"}

func TestArrows(t *testing.T) {
	for dir, files := range sources(t) {
		allowed, known := arrows[dir]
		if !known {
			t.Errorf("%s: a room that arrows does not know; add it with its reason to ARCHITECTURE.md", dir)
			continue
		}
		for _, f := range files {
			for _, imp := range f.ast.Imports {
				path := strings.Trim(imp.Path.Value, `"`)
				if imp.Name != nil && imp.Name.Name == "_" && path != "embed" && !strings.HasPrefix(dir, "cmd/") {
					t.Errorf("%s: blank import of %s", f.path, path)
				}
				if !mayImport(allowed.rooms, allowed.libs, path) {
					t.Errorf("%s: %s may not import %s", f.path, dir, path)
				}
			}
		}
	}
}

func mayImport(rooms, libs []string, path string) bool {
	if room, ours := strings.CutPrefix(path, "postern/"); ours {
		return slices.Contains(rooms, room) || slices.Contains(rooms, "*")
	}
	if path == "postern" {
		return slices.Contains(rooms, "*")
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return true
	}
	return slices.ContainsFunc(libs, func(l string) bool { return path == l || strings.HasPrefix(path, l+"/") })
}

func TestHouseRules(t *testing.T) {
	for dir, files := range sources(t) {
		if slices.Contains(banned, filepath.Base(dir)) {
			t.Errorf("%s: not a word from an incident", dir)
		}
		lines, names, documented := 0, 0, false
		for _, f := range files {
			lines += f.lines
			documented = documented || f.ast.Doc != nil
			if f.lines > fileLines {
				exceed(t, f.path, f.lines, fileLines)
			}
			if strings.Contains(f.text, "bufio.NewScanner") {
				t.Errorf("%s: bufio.Scanner loses the rest of a log behind one long line; use a reader with a cap and a gap", f.path)
			}
			if strings.Contains(f.text, "os.Exit") && f.path != filepath.Join("cmd", "postern", "main.go") && f.path != filepath.Join("bench", "main.go") {
				t.Errorf("%s: os.Exit below main", f.path)
			}
			for _, d := range f.ast.Decls {
				names += checkDecl(t, f, d)
			}
		}
		if !documented {
			t.Errorf("%s: no package comment", dir)
		}
		if lines > packageLines {
			exceed(t, dir+" lines", lines, packageLines)
		}
		if names > exported && dir != "cmd/postern" {
			exceed(t, dir+" exported", names, exported)
		}
	}
}

// checkDecl applies the rules of one declaration and counts its exported names.
func checkDecl(t *testing.T, f source, d ast.Decl) (names int) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.Name == "init" && d.Recv == nil {
			t.Errorf("%s: init(); registration is a list you can read", f.path)
		}
		if n := f.fset.Position(d.End()).Line - f.fset.Position(d.Pos()).Line; n > funcLines {
			exceed(t, f.path+" "+d.Name.Name, n, funcLines)
		}
		if d.Recv == nil && d.Name.IsExported() {
			names++
			if d.Doc == nil {
				t.Errorf("%s: exported %s has no comment", f.path, d.Name.Name)
			}
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			ts, isType := s.(*ast.TypeSpec)
			if !isType || !ts.Name.IsExported() {
				continue
			}
			names++
			if d.Doc == nil && ts.Doc == nil {
				t.Errorf("%s: exported %s has no comment", f.path, ts.Name.Name)
			}
			if st, isStruct := ts.Type.(*ast.StructType); isStruct && st.Fields.NumFields() > structFields {
				exceed(t, f.path+" "+ts.Name.Name, st.Fields.NumFields(), structFields)
			}
		}
	}
	return names
}

func exceed(t *testing.T, what string, have, budget int) {
	if over[what] == "" {
		t.Errorf("%s: %d, over the budget of %d; split it, or give the reason in over", what, have, budget)
	}
}

func TestExamineFitsOnAPage(t *testing.T) {
	text, err := os.ReadFile("examine.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > examineLines {
		t.Errorf("examine.go has %d lines, the page has %d", n, examineLines)
	}
}

// TestParsersAreFuzzed demands a Fuzz target wherever hostile bytes are parsed.
func TestParsersAreFuzzed(t *testing.T) {
	for dir, files := range sources(t) {
		for _, f := range files {
			for _, d := range f.ast.Decls {
				fn, isFunc := d.(*ast.FuncDecl)
				if !isFunc || fn.Recv != nil || !isParser(fn.Name.Name) {
					continue
				}
				tests, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
				fuzzed := slices.ContainsFunc(tests, func(p string) bool {
					text, err := os.ReadFile(p)
					return err == nil && strings.Contains(string(text), "func Fuzz")
				})
				if !fuzzed {
					t.Errorf("%s: %s parses and %s has no Fuzz target", f.path, fn.Name.Name, dir)
				}
			}
		}
	}
}

func isParser(name string) bool {
	return slices.ContainsFunc([]string{"Parse", "Read", "Load", "Decode"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

type source struct {
	path, text string
	lines      int
	ast        *ast.File
	fset       *token.FileSet
}

// sources parses every non-test Go file of the module, by directory.
func sources(t *testing.T) map[string][]source {
	t.Helper()
	all := map[string][]source{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools" || d.Name() == "dist") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		all[dir] = append(all[dir], source{path, string(text), strings.Count(string(text), "\n"), file, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
