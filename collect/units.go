package collect

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"postern/evidence"
)

// noteKind is a kind of small text file that tells of installations.
type noteKind string

// The kinds of note.
const (
	unitNote       noteKind = "unit"       // a systemd unit
	supervisorNote noteKind = "supervisor" // a supervisord program section
	composeNote    noteKind = "compose"    // a Docker compose file
	dockerNote     noteKind = "dockerfile" // a Dockerfile
	manifestNote   noteKind = "manifest"   // any other YAML, and podman's quadlets: may start a container
	containerNote  noteKind = "container"  // Docker's own record of one container
	podmanNote     noteKind = "podman"     // podman's record of its containers
)

// noteKind tells what a file may say about installations, by its name; "":
// nothing.
func (s *survey) noteKind(n evidence.Name, base string) noteKind {
	if len(s.want.Products) == 0 {
		return ""
	}
	yaml := strings.HasSuffix(base, ".yml") || strings.HasSuffix(base, ".yaml")
	in := func(folder string) bool { return strings.Contains("/"+string(n.Dir())+"/", folder) }
	switch {
	case strings.HasSuffix(base, ".service") && s.stands(n, unitFolders), dropIn(n) != "" && s.stands(n, unitFolders):
		return unitNote
	case strings.HasSuffix(base, ".conf") && s.stands(n, supervisorFolders):
		return supervisorNote
	case yaml && (strings.HasPrefix(base, "docker-compose") || strings.HasPrefix(base, "compose")):
		return composeNote
	case base == "dockerfile" || base == "containerfile" || strings.HasPrefix(base, "dockerfile.") || strings.HasSuffix(base, ".dockerfile"):
		return dockerNote
	case base == "config.v2.json" && in("/containers/"):
		return containerNote
	case base == "containers.json" && in("/storage/"):
		return podmanNote
	case yaml || strings.HasSuffix(base, ".container") && in("/containers/systemd/"):
		return manifestNote
	}
	return ""
}

// Where this machine's own units and supervised programs stand. Those of a tree
// inside the tree (a backup, a container's layers) start nothing here.
var (
	unitFolders       = []string{"/etc/systemd/", "/usr/lib/systemd/", "/lib/systemd/", "/run/systemd/", "/usr/local/lib/systemd/"}
	supervisorFolders = []string{"/etc/supervisor", "/usr/local/etc/supervisor"}
)

// stands reports whether a name is one of the machine's own in some folders.
func (s *survey) stands(n evidence.Name, folders []string) bool {
	path := cmp.Or(s.path(n), "/"+string(n))
	return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(path, f) })
}

// readNote reads a note whole; one that does not read is a gap.
func (f *finder) readNote(e evidence.Entry) ([]byte, bool) {
	err := e.Err
	var data []byte
	if err == nil {
		data, err = readFile(f.src.Files, e.Name, maxNote)
	}
	if err != nil {
		f.lose(evidence.CoverFile, string(e.Name), evidence.Exposed, err)
	}
	return data, len(data) > 0
}

// fromUnits finds what systemd and supervisord start.
func (f *finder) fromUnits() {
	if f.src.ID.OS == evidence.Linux && f.src.Files != nil && len(f.notes[unitNote]) == 0 {
		f.gap("etc/systemd/system", f.aid(), evidence.Absent, "no systemd units: nothing says what this host starts")
	}
	for _, e := range f.notes[unitNote] {
		if f.ctx.Err() != nil {
			return
		}
		if data, ok := f.readNote(e); ok {
			f.fromUnit(e.Name, data)
		}
	}
	for _, e := range f.notes[supervisorNote] {
		if data, ok := f.readNote(e); ok {
			f.fromSupervisor(e.Name, data)
		}
	}
}

// dropIn returns the unit that a file adds settings to ("x.service.d/y.conf"),
// "" for any other file. What it replaces in the unit is still taken as a start:
// systemd's order of precedence is not followed.
func dropIn(n evidence.Name) string {
	unit, ok := strings.CutSuffix(n.Dir().Base(), ".service.d")
	if !ok || !strings.HasSuffix(n.Base(), ".conf") {
		return ""
	}
	return unit + ".service"
}

// fromUnit reads one unit's commands (systemd.service(5), systemd.syntax(7)).
func (f *finder) fromUnit(name evidence.Name, data []byte) {
	unit := strings.TrimSuffix(cmp.Or(dropIn(name), name.Base()), ".service")
	data = bytes.ReplaceAll(data, []byte("\\\n"), []byte(" "))
	dir := ""
	var commands []string
	for key, value := range settings(data) {
		switch key {
		case "workingdirectory":
			dir = strings.TrimPrefix(value, "-")
		case "execstart":
			commands = append(commands, strings.TrimLeft(value, "@-:+!|"))
		}
	}
	for _, c := range commands {
		ref := evidence.Ref{Collector: "products", Path: string(name), Text: c}
		f.observe(evidence.ObserveService, ref, nil, unit, c, "")
		f.starts(unit, c, dir, "unit "+name.Base(), string(name))
	}
}

// fromSupervisor reads the commands of a supervisord configuration.
func (f *finder) fromSupervisor(name evidence.Name, data []byte) {
	for key, value := range settings(data) {
		if key == "command" {
			f.starts("", value, "", "supervisord", string(name))
		}
	}
}

// settings yields the key=value lines of an ini-like file, keys in lower case.
func settings(data []byte) func(yield func(key, value string) bool) {
	return func(yield func(string, string) bool) {
		for line := range bytes.Lines(data) {
			text := strings.TrimSpace(string(line))
			key, value, ok := strings.Cut(text, "=")
			if !ok || strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";") {
				continue
			}
			if !yield(strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)) {
				return
			}
		}
	}
}
