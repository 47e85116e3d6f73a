package pack

import (
	"errors"

	"postern/cacao"
)

// errManual keeps commands what they are in a pack: text for people.
var errManual = errors.New("a pack's commands are text for people: type manual")

func (l *loader) playbook(text []byte) {
	f := l.file(playbookFile)
	book, problems := cacao.Parse(text)
	for _, p := range problems {
		f.Fail(place{Line: p.Line, Column: p.Column}, ErrPlaybook, "%s", p.What)
	}
	if book == nil {
		return
	}
	for _, step := range book.Steps {
		for _, c := range step.Commands {
			if c.Type != "manual" {
				f.Fail(place{Line: c.Line, Column: c.Column}, ErrPlaybook, "%w, not %q", errManual, c.Type)
			}
		}
	}
	l.pack.Playbook = text
}
