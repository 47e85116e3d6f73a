package windows

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"postern/collect/family"
	"postern/evidence"
)

func (r *reader) hostLines(f *family.File) {
	line := int64(0)
	for text := range strings.SplitSeq(string(f.Data), "\n") {
		line++
		text, _, _ = strings.Cut(text, "#")
		if text = strings.Join(strings.Fields(text), " "); text == "" {
			continue
		}
		r.Observe(&evidence.Observation{
			Kind: evidence.ObserveSetting, Time: newest(f.Entry), Ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: line, Text: text},
			Values: []string{evidence.SettingName, "hosts", text, "", "", strings.ReplaceAll(f.Path, "/", `\`)},
		})
	}
}

const (
	repository = `C:\Windows\System32\wbem\Repository\OBJECTS.DATA`
	maxObjects = 64 << 20
	overlap    = 64 << 10 // of two pieces of the repository: a consumer is no longer
	piece      = 1 << 20
	tail       = 1 << 10 // behind a consumer's command, where its name stands

	maxConsumers = 4096
	maxCommand   = 8 << 10
)

var (
	// boundConsumer is a consumer as a binding refers to it; the name may be split by
	// nothing, for strings of a repository stand in one byte a letter.
	boundConsumer = regexp.MustCompile(`(CommandLineEventConsumer|ActiveScriptEventConsumer|LogFileEventConsumer|SMTPEventConsumer)\.Name="([^"\x00]{1,200})"`)
)

// runners are the classes of consumers that run something.
var runners = [][]byte{[]byte("CommandLineEventConsumer\x00"), []byte("ActiveScriptEventConsumer\x00")}

// consumersIn finds consumers behind the names of their classes: texts and zeros.
func consumersIn(data []byte) (all []consumer) {
	for _, class := range runners {
		for rest := data; ; {
			at := bytes.Index(rest, class)
			if at < 0 || len(all) >= maxConsumers {
				break
			}
			rest = rest[at+len(class):]
			text := bytes.TrimLeft(rest[:min(len(rest), 2)], "\x00")
			text = rest[min(len(rest), 2)-len(text) : min(len(rest), maxCommand)]
			text, _, _ = bytes.Cut(text, []byte{0})
			if len(text) > 1 {
				behind := rest[min(len(rest), len(text)):]
				all = append(all, consumer{string(class[:len(class)-1]), strings.TrimSpace(narrow(text)), string(behind[:min(len(behind), tail)])})
			}
		}
	}
	return all
}

// wmi observes the consumers that a filter is bound to, found in the repository's bytes:
// what was deleted may still stand there, and what the command of a consumer is, is
// told where it stands behind its class's name.
func (r *reader) wmi() {
	name, ok := r.Src.Locate(repository)
	if !ok {
		return
	}
	var entry evidence.Entry
	err := r.Src.Files.Walk(r.Ctx, name, func(e evidence.Entry) error { entry = e; return fs.SkipAll })
	if err == nil {
		err = entry.Err
	}
	var f evidence.File
	if err == nil {
		f, err = r.Src.Files.Open(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.Shut(name.Dir())
		return
	case err != nil:
		r.Lost(evidence.CoverFile, string(name), err)
		return
	}
	defer f.Close()
	r.Files++
	size := f.Size()
	if size > maxObjects {
		r.Gap(evidence.CoverFile, string(name), evidence.TooLarge, "what stands behind its first 64 MiB was not looked through")
		size = maxObjects
	}
	seen := map[string]int64{} // where in the file
	var texts []consumer
	for at := int64(0); at < size && r.Ctx.Err() == nil; at += piece {
		data := make([]byte, min(piece+overlap, size-at))
		if n, err := f.ReadAt(data, at); n < len(data) {
			if err == nil || errors.Is(err, io.EOF) {
				err = evidence.ErrTruncated
			}
			r.Lost(evidence.CoverFile, string(name), err)
			return
		}
		if !bytes.Contains(data, []byte("EventConsumer")) {
			continue
		}
		for _, m := range boundConsumer.FindAllSubmatchIndex(data, -1) {
			if key := string(data[m[2]:m[3]]) + " " + string(data[m[4]:m[5]]); seen[key] == 0 && len(seen) < maxConsumers {
				seen[key] = at + int64(m[0])
			}
		}
		if len(texts) < maxConsumers {
			texts = append(texts, consumersIn(data)...)
		}
	}
	r.consumers(entry, seen, texts)
}

// consumer is what stands behind the name of a consumer's class: its command or
// script, and what follows, its own name among it.
type consumer struct{ class, text, behind string }

// consumers observes the bound consumers with the commands that stand in the repository.
func (r *reader) consumers(e evidence.Entry, bound map[string]int64, texts []consumer) {
	for _, key := range slices.Sorted(maps.Keys(bound)) {
		class, name, _ := strings.Cut(key, " ")
		command, details := "", "bound in the repository's bytes"
		for _, t := range texts {
			if t.class == class && strings.Contains(t.behind, name) {
				command = t.text
			}
		}
		if command == "" {
			details += "; its command was not found"
		}
		r.start(autostart{ref: evidence.Ref{Path: string(e.Name), Unit: evidence.Offset, At: bound[key]}, at: newest(e), kind: evidence.StartWMI, name: name, command: command, object: repository + " " + class, details: details})
	}
}
