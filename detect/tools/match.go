package tools

import (
	"path"
	"slices"
	"strings"
)

// Trace is what a machine shows of one program: any part may be empty. Case
// and the direction of slashes don't matter.
type Trace struct {
	Image    string // path of the program's file, without arguments
	Service  string // name or display name of a service, or a systemd unit
	Task     string // name of a scheduled task, with or without its folder
	Folder   string // path of a folder
	Registry string // path of a key, with or without HKLM\SOFTWARE
	Signer   string // common name of the certificate that signed the file
	Product  string // ProductName of the version resource
	Company  string // CompanyName of the version resource
	Original string // OriginalFilename of the version resource
	Command  string // command line
}

// Hit is a tool that a trace belongs to.
type Hit struct {
	Tool    *Tool  // a row of the table; not to be changed
	By      string // which part of the trace said so, in words
	Renamed bool   // version resource or command line tell the tool, and the file has none of its names
}

// sight is a hit before it is known what else of the tool was seen.
type sight struct {
	tool  int
	by    string
	weak  bool // a name that others use as well
	backs bool // makes weak ones count: folder, signer, product
	tells bool // says what the file is, whatever its name
}

// maxCommand bounds the text of a command line that is looked at, in bytes;
// Windows allows 32,767 characters.
const maxCommand = 32 << 10

// Match returns the tools that a trace belongs to, in the order of the table,
// one hit for each part of the trace that tells.
func (t *Table) Match(trace Trace) []Hit {
	image := plainPath(trace.Image)
	base := ""
	if image != "" {
		base = path.Base(image)
	}
	seen := t.look(trace, image, base)
	if len(seen) == 0 {
		return nil
	}
	backed := map[int]bool{}
	for _, s := range seen {
		backed[s.tool] = backed[s.tool] || s.backs
	}
	slices.SortStableFunc(seen, func(a, b sight) int { return a.tool - b.tool })
	var hits []Hit
	for _, s := range seen {
		if s.weak && !backed[s.tool] {
			continue
		}
		tool := &t.tools[s.tool]
		hits = append(hits, Hit{tool, s.by, s.tells && base != "" && !t.named(s.tool, base)})
	}
	return hits
}

// look gathers every sight, each tool once for a part of the trace.
func (t *Table) look(trace Trace, image, base string) (seen []sight) {
	add := func(s sight) {
		if !slices.ContainsFunc(seen, func(o sight) bool { return o.tool == s.tool && o.by == s.by }) {
			seen = append(seen, s)
		}
	}
	t.programs.find(base, func(tool int, _ string) {
		add(sight{tool: tool, by: "file name " + base, weak: slices.Contains(t.tools[tool].Generic, base)})
	})
	service := strings.TrimSuffix(plain(trace.Service), ".service")
	t.services.find(service, func(tool int, _ string) { add(sight{tool: tool, by: "service " + service}) })
	task := path.Base("/" + plainPath(trace.Task))
	t.tasks.find(task, func(tool int, _ string) { add(sight{tool: tool, by: "scheduled task " + task}) })
	if dir, _ := path.Split(image); dir != "" {
		t.folders.find(dir, func(tool int, f string) { add(sight{tool: tool, by: "folder " + f, backs: true}) })
	}
	t.folders.find(plainPath(trace.Folder), func(tool int, f string) { add(sight{tool: tool, by: "folder " + f, backs: true}) })
	t.registry.find(plainKey(trace.Registry), func(tool int, k string) { add(sight{tool: tool, by: "registry key " + k}) })
	signer := plain(trace.Signer)
	t.signers.find(signer, func(tool int, _ string) { add(sight{tool: tool, by: "signer " + signer, backs: true}) })
	product, company := plain(trace.Product), plain(trace.Company)
	t.products.find(product, func(tool int, _ string) {
		add(sight{tool: tool, by: "product " + product, backs: true, tells: true})
	})
	t.products.find(company, func(tool int, _ string) { add(sight{tool: tool, by: "company " + company, backs: true}) })
	original := plain(trace.Original)
	t.original.find(original, func(tool int, _ string) {
		add(sight{tool: tool, by: "original file name " + original, tells: true})
	})
	command := plain(trace.Command[:min(len(trace.Command), maxCommand)])
	t.commands.find(command, func(tool int, c string) {
		add(sight{tool: tool, by: "command line with " + c, tells: !t.mentions(tool, command)})
	})
	return seen
}

// named says whether a file name is one of a tool's own.
func (t *Table) named(tool int, base string) (own bool) {
	t.programs.find(base, func(found int, _ string) { own = own || found == tool })
	return own
}

// mentions says whether a command line calls a tool by one of its names, as
// where a shell starts it.
func (t *Table) mentions(tool int, command string) bool {
	return slices.ContainsFunc(t.tools[tool].Programs, func(p string) bool {
		return !wild(p) && hasWord(command, strings.TrimSuffix(p, ".exe"))
	})
}

// hasWord says whether a word stands in a text with no letter or digit on
// either side.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(word)
		if (i == 0 || !alnum(text[i-1])) && (end == len(text) || !alnum(text[end])) {
			return true
		}
		from = i + 1
	}
}

func alnum(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' }

func plain(s string) string { return strings.ToLower(strings.Trim(s, " \t\r\n\x00")) }

// plainPath is a path in lower case with forward slashes, without quotes,
// drive and leading slash.
func plainPath(s string) string {
	s = strings.ReplaceAll(strings.Trim(plain(s), `"`), `\`, "/")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "/??/"), "//?/")
	if len(s) > 1 && s[1] == ':' {
		s = s[2:]
	}
	return strings.Trim(s, "/")
}

// plainKey is the part of a key below SOFTWARE, of either bitness.
func plainKey(s string) string {
	s = plainPath(s)
	for _, root := range []string{"hkey_local_machine/", "hklm/", "software/", "wow6432node/"} {
		s = strings.TrimPrefix(s, root)
	}
	return s
}
