package windows

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

// task is a file of the task folder ([MS-TSCH] 2.4.2, Task Schema).
type task struct {
	Info struct {
		Author string `xml:"Author"`
		Date   string `xml:"Date"`
		URI    string `xml:"URI"`
	} `xml:"RegistrationInfo"`
	Principals []struct {
		User  string `xml:"UserId"`
		Group string `xml:"GroupId"`
		Level string `xml:"RunLevel"`
	} `xml:"Principals>Principal"`
	Settings struct {
		Enabled string `xml:"Enabled"`
		Hidden  string `xml:"Hidden"`
	} `xml:"Settings"`
	Actions struct {
		Exec []struct {
			Command   string `xml:"Command"`
			Arguments string `xml:"Arguments"`
		} `xml:"Exec"`
		Class []struct {
			ID   string `xml:"ClassId"`
			Data string `xml:"Data"`
		} `xml:"ComHandler"`
	} `xml:"Actions"`
}

const (
	taskFolder = `C:\Windows\System32\Tasks`
	taskCache  = `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\`
	taskDepth  = 16
)

// tasks observes the tasks by their files and by the registry, which the scheduler
// goes by: a task that has no file, runs another command than its file says, or is
// hidden from lists is said so.
func (r *reader) tasks() {
	commands := map[string][]string{} // by a task's path, in lower case
	r.Each(taskFolder, taskDepth, func(f *family.File) {
		path := strings.ReplaceAll(strings.TrimPrefix(f.Path, taskFolder), "/", `\`)
		t, err := parseTask(f.Data)
		if err != nil {
			r.Lost(evidence.CoverFile, string(f.Name), err)
			commands[strings.ToLower(path)] = nil
			return
		}
		user, state := "", ""
		if len(t.Principals) > 0 {
			user = strings.TrimSpace(t.Principals[0].User + t.Principals[0].Group)
		}
		if strings.EqualFold(strings.TrimSpace(t.Settings.Enabled), "false") {
			state = "disabled"
		}
		all := t.commands()
		commands[strings.ToLower(path)] = all
		a := autostart{ref: evidence.Ref{Path: string(f.Name)}, at: newest(f.Entry), kind: evidence.StartTask, name: path, user: user, object: strings.ReplaceAll(f.Path, "/", `\`), details: t.about(), state: state}
		r.startEach(a, all)
	})
	r.lacking(taskFolder, "it holds what tasks run")
	listed := map[string]bool{}
	r.treeTasks(`Tree`, "", commands, listed, 0)
	r.unlistedTasks(listed)
}

// unlistedTasks observes tasks that the registry keeps and its tree of names does not
// have: left over, or taken out so that no list shows them while they run.
func (r *reader) unlistedTasks(listed map[string]bool) {
	all := r.Machine(taskCache + `Tasks`)
	if all == nil {
		return
	}
	for _, id := range all.Subkeys {
		if listed[strings.ToLower(id)] {
			continue
		}
		key := r.Machine(taskCache + `Tasks\` + id)
		if key == nil {
			continue
		}
		if commands := r.actions(key); len(commands) > 0 {
			a := r.ofValue(key, "", evidence.StartTask, cmp.Or(key.Value("Path").Text, id), "")
			a.details = "the registry's tree of tasks does not name it"
			r.startEach(a, commands)
		}
	}
}

// newest is the newest of a file's own times.
func newest(e evidence.Entry) time.Time {
	if e.Changed.After(e.ModTime) {
		return e.Changed
	}
	return e.ModTime
}

// commands are the command lines of a task; a class of COM is one by its number.
func (t *task) commands() (all []string) {
	for _, e := range t.Actions.Exec {
		all = append(all, commandLine(e.Command, e.Arguments))
	}
	for _, c := range t.Actions.Class {
		all = append(all, strings.TrimSpace("class "+c.ID+" "+strings.TrimSpace(c.Data)))
	}
	return all
}

// commandLine joins a program and its arguments; a path with blanks is quoted.
func commandLine(program, arguments string) string {
	program, arguments = strings.TrimSpace(program), strings.TrimSpace(arguments)
	if strings.Contains(program, " ") && !strings.HasPrefix(program, `"`) {
		program = `"` + program + `"`
	}
	return strings.TrimSpace(program + " " + arguments)
}

func (t *task) about() string {
	var about []string
	if t.Info.Author != "" {
		about = append(about, "author "+strings.TrimSpace(t.Info.Author))
	}
	if t.Info.Date != "" {
		about = append(about, "made "+strings.TrimSpace(t.Info.Date))
	}
	if strings.EqualFold(strings.TrimSpace(t.Settings.Hidden), "true") {
		about = append(about, "marked hidden")
	}
	return strings.Join(about, ", ")
}

// errTask says that a file is no task.
var errTask = errors.New("windows: no task")

// parseTask reads a task's file, UTF-16 or UTF-8. Entities of a document type are not
// expanded: one is an error.
func parseTask(data []byte) (*task, error) {
	text := decoded(data)
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // decoded already
	var t task
	for {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errTask, err)
		}
		if start, ok := token.(xml.StartElement); ok {
			if start.Name.Local != "Task" {
				return nil, fmt.Errorf("%w: it begins with %.40q", errTask, start.Name.Local)
			}
			if err := d.DecodeElement(&t, &start); err != nil {
				return nil, fmt.Errorf("%w: %w", errTask, err)
			}
			return &t, nil
		}
	}
}

// decoded gives a text of UTF-16, with or without its mark, or of UTF-8.
func decoded(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return winreg.Text(data[2:])
	case len(data) > 1 && data[0] == '<' && data[1] == 0:
		return winreg.Text(data)
	}
	return string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
}

// treeTasks observes the tasks of the registry below a key of the tree.
func (r *reader) treeTasks(at, path string, files map[string][]string, listed map[string]bool, depth int) {
	key := r.Machine(taskCache + at)
	if key == nil {
		return
	}
	if id := key.Value("Id").Text; id != "" {
		listed[strings.ToLower(id)] = true
		r.treeTask(key, path, id, files)
	}
	if depth >= taskDepth {
		if len(key.Subkeys) > 0 {
			r.Gap(evidence.CoverHive, r.FileOf(key.Path), evidence.TooLarge, fmt.Sprintf("tasks more than %d folders deep were not read", taskDepth))
		}
		return
	}
	for _, name := range key.Subkeys {
		r.treeTasks(at+`\`+name, path+`\`+name, files, listed, depth+1)
	}
}

// treeTask observes a task of the registry, as far as its file does not say the same.
func (r *reader) treeTask(tree *evidence.RegistryKey, path, id string, files map[string][]string) {
	said, there := files[strings.ToLower(path)]
	var details []string
	if sd := tree.Value("SD"); sd.Type == 0 {
		details = append(details, "hidden from lists: it has no security descriptor")
	}
	if index := tree.Value("Index"); index.Type != 0 && index.Number == 0 {
		details = append(details, "hidden from lists: its index is 0")
	}
	if !there && !r.Src.Partial {
		details = append(details, "it has no file in the task folder")
	}
	written := tree.Written
	var commands []string
	if key := r.Machine(taskCache + `Tasks\` + id); key != nil {
		commands = r.actions(key)
		if key.Written.After(written) {
			written = key.Written
		}
	}
	same := len(commands) == 0 || len(commands) == len(said)
	for i := range commands {
		same = same && i < len(said) && strings.EqualFold(strings.ReplaceAll(commands[i], `"`, ""), strings.ReplaceAll(said[i], `"`, ""))
	}
	switch {
	case there && same && len(details) == 0:
		return
	case there && !same && said != nil:
		details = append(details, "its file says another command")
	}
	if len(commands) == 0 {
		commands = []string{""}
	}
	a := r.ofValue(tree, "", evidence.StartTask, path, "")
	a.at, a.details = written, strings.Join(details, ", ")
	r.startEach(a, commands)
}

// startEach hands on an autostart for each of its commands.
func (r *reader) startEach(a autostart, commands []string) {
	for i, c := range commands {
		if len(commands) > 1 {
			a.ref.Unit, a.ref.At = evidence.Record, int64(i+1)
		}
		a.command = c
		r.start(a)
	}
}

// Magic numbers of actions in the registry.
const (
	execAction  = 0x6666
	classAction = 0x7777
)

const maxActions = 32 // of a task, as the scheduler has it

// actions are the command lines of a task of the registry; what of them cannot be told
// is covered.
func (r *reader) actions(key *evidence.RegistryKey) []string {
	v := key.Value("Actions")
	if v.Type == 0 {
		return nil // the keys of a folder
	}
	all, fault := parseActions(v.Data)
	if fault != "" {
		r.Gap(evidence.CoverHive, r.FileOf(key.Path), evidence.Damaged, fmt.Sprintf("%s: %s", key.Path, fault))
	}
	return all
}

// parseActions reads a task's Actions value: a version, the context, and action after
// action, each with a number that says what it is and its strings behind their lengths
// in bytes. What cannot be told ends the list, and fault says what it is.
func parseActions(data []byte) (all []string, fault string) {
	whole := true
	next := func(n int) []byte {
		if n < 0 || n > len(data) {
			data, whole = nil, false
			return nil
		}
		b := data[:n]
		data = data[n:]
		return b
	}
	text := func() string {
		n := next(4)
		if n == nil {
			return ""
		}
		return winreg.Text(next(int(int32(binary.LittleEndian.Uint32(n)))))
	}
	next(2) // version
	text()  // context
	for len(data) >= 2 && len(all) < maxActions {
		kind := binary.LittleEndian.Uint16(next(2))
		switch kind {
		case execAction:
			text() // id
			command := text()
			all = append(all, commandLine(command, text()))
			text()  // working directory
			next(2) // flags
		case classAction:
			text() // id
			id := next(16)
			if id == nil {
				return all, "its actions are cut short"
			}
			all = append(all, strings.TrimSpace(fmt.Sprintf("class {%08X-%04X-%04X-%X-%X} %s", binary.LittleEndian.Uint32(id), binary.LittleEndian.Uint16(id[4:]), binary.LittleEndian.Uint16(id[6:]), id[8:10], id[10:], strings.TrimSpace(text()))))
		default:
			return all, fmt.Sprintf("an action of kind %#x, and what follows it, is not read by this version", kind)
		}
	}
	switch {
	case !whole:
		return all, "its actions are cut short"
	case len(data) >= 2:
		return all, fmt.Sprintf("more than %d actions", maxActions)
	}
	return all, ""
}
