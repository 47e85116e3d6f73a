package collect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"strings"

	"postern/evidence"
)

// imageLine is an image in YAML or in a quadlet, however it is quoted. Lines
// are read instead of documents, so that a template or a broken file still
// tells its images.
var imageLine = regexp.MustCompile(`(?i)(?:^|[\s{,"'-])image["']?\s*[:=]\s*["']?((?:\$\{[^}\s]*\}|[^\s"',}#])+)`)

// fromLine is the base image of a Dockerfile (Dockerfile reference, FROM).
var fromLine = regexp.MustCompile(`(?i)^\s*FROM\s+(?:--\S+\s+)*(\S+)`)

// variable is a variable of a compose file (Compose specification,
// Interpolation) or a Dockerfile.
var variable = regexp.MustCompile(`\$(?:\{(\w+)(?::?-([^}]*))?[^}]*\}|(\w+))`)

// fromContainers finds installations that live in images.
func (f *finder) fromContainers() {
	for _, kind := range []noteKind{composeNote, dockerNote, manifestNote, containerNote, podmanNote} {
		for _, e := range f.notes[kind] {
			if f.ctx.Err() != nil {
				return
			}
			if data, ok := f.readNote(e); ok {
				f.fromNote(kind, e.Name, data)
			}
		}
	}
	f.coverIntents()
}

// coverIntents covers the images that a file asks for and no record of a
// container names: the file may be newer than what runs.
func (f *finder) coverIntents() {
	for _, at := range f.intents {
		if !f.recorded[at.image] {
			f.gap(at.site, evidence.Exposed, evidence.NoBuild, "it asks for "+at.image+", and no record of a container says that this is what runs; look at the running container")
		}
	}
}

// intent is an image that a file asks for, for one installation.
type intent struct{ site, image string }

// fromNote reads the images that one file names.
func (f *finder) fromNote(kind noteKind, name evidence.Name, data []byte) {
	switch kind {
	case composeNote:
		f.fromLines(name, data, imageLine, f.beside(name), "compose file "+name.Base())
	case manifestNote:
		f.fromLines(name, data, imageLine, nil, "manifest "+name.Base())
	case dockerNote:
		f.fromLines(name, data, fromLine, arguments(data), "")
	case containerNote:
		f.fromContainer(name, data)
	case podmanNote:
		for _, word := range bytes.FieldsFunc(data, func(r rune) bool { return strings.ContainsRune(" \t\n\r\"\\,{}[]", r) }) {
			f.recorded[string(word)] = true
			f.image(name, string(word), "", string(word))
		}
	}
}

// fromLines tests the image of every line that is no comment.
func (f *finder) fromLines(name evidence.Name, data []byte, pattern *regexp.Regexp, vars map[string]string, runs string) {
	for line := range bytes.Lines(data) {
		text := string(bytes.TrimRight(line, "\r\n"))
		if strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		for _, m := range pattern.FindAllStringSubmatch(text, 16) {
			image := fill(m[1], vars)
			if at := f.image(name, image, runs, text); at != nil && at.signals[len(at.signals)-1].Version != "" {
				f.intents = append(f.intents, intent{at.path, image})
			}
		}
	}
}

// image notes an installation if an image is a product's. A tag that is no
// build leaves the build unknown. It returns the first product's, nil for none.
func (f *finder) image(name evidence.Name, image, runs, text string) (noted *site) {
	for i := range f.want.Products {
		p := &f.want.Products[i]
		for _, pattern := range p.Images {
			m := pattern.FindStringSubmatch(image)
			if m == nil {
				continue
			}
			at := f.named(p, f.imagePath(p, name, image))
			build := ""
			if len(m) > 1 {
				build = m[1]
			}
			ref := evidence.Ref{Collector: "products", Path: string(name), Text: text}
			at.signals = append(at.signals, evidence.Signal{Kind: evidence.SignalContainer, Version: build, Confidence: evidence.Likely, Ref: ref})
			if runs != "" && len(at.runs) == 0 && f.copyElement(p, name) == "" {
				at.runs = append(at.runs, runs)
			}
			noted = cmp.Or(noted, at)
			break
		}
	}
	return noted
}

// imagePath names the installation: the file, and the image too when the file
// names several.
func (f *finder) imagePath(p *evidence.Product, name evidence.Name, image string) string {
	first := f.sites[p.ID+"\x00\x00"+string(name)]
	if first == nil || first.notesImage(image) {
		f.named(p, string(name)).notes = []string{"image " + image}
		return string(name)
	}
	return string(name) + " (" + image + ")"
}

func (s *site) notesImage(image string) bool { return len(s.notes) > 0 && s.notes[0] == "image "+image }

// fromContainer reads Docker's own record of a container.
func (f *finder) fromContainer(name evidence.Name, data []byte) {
	var c struct {
		Name   string
		Config struct{ Image string }
		State  struct{ Running bool }
	}
	if err := json.Unmarshal(data, &c); err != nil {
		f.gap(string(name), evidence.Exposed, evidence.Damaged, err.Error())
		return
	}
	runs := ""
	if c.State.Running {
		runs = "container " + strings.TrimPrefix(c.Name, "/")
	}
	f.recorded[c.Config.Image] = true
	f.image(name, c.Config.Image, runs, c.Config.Image)
}

// beside reads the .env file that compose reads for a compose file.
func (f *finder) beside(name evidence.Name) map[string]string {
	env := name.Dir().Join(".env")
	data, err := readFile(f.src.Files, env, maxNote)
	if err != nil {
		if !missing(err) {
			f.lose(evidence.CoverFile, string(env), evidence.Exposed, err)
		}
		return nil
	}
	vars := map[string]string{}
	for line := range bytes.Lines(data) {
		if key, value, ok := strings.Cut(strings.TrimSpace(string(line)), "="); ok {
			vars[strings.TrimSpace(key)] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return vars
}

// arguments reads the defaults of a Dockerfile's ARG lines.
func arguments(data []byte) map[string]string {
	vars := map[string]string{}
	for line := range bytes.Lines(data) {
		words := strings.Fields(string(line))
		if len(words) > 1 && strings.EqualFold(words[0], "ARG") {
			if key, value, ok := strings.Cut(words[1], "="); ok {
				vars[key] = strings.Trim(value, `"'`)
			}
		}
	}
	return vars
}

// fill replaces variables by their value, else their default; one that has
// neither stays as it is written, and no build matches it.
func fill(image string, vars map[string]string) string {
	return variable.ReplaceAllStringFunc(image, func(v string) string {
		m := variable.FindStringSubmatch(v)
		if value, ok := vars[m[1]+m[3]]; ok {
			return value
		}
		if m[2] != "" {
			return m[2]
		}
		return v
	})
}
