// Package docs holds the guides of this folder, so that postern help prints
// them where there is no network. They are plain ASCII text of at most 100
// columns.
package docs

import _ "embed"

//go:embed operator-guide.md
var operatorGuide string

//go:embed pack-guide.md
var packGuide string

// Guide is one text for people.
type Guide struct {
	Name  string // what postern help is asked for
	Short string // one line
	Text  string // Markdown
}

// Guides returns all of them, in reading order.
func Guides() []Guide {
	return []Guide{
		{"operator-guide", "How to run postern, what it answers, how to close gaps", operatorGuide},
		{"pack-guide", "How to write a pack for the next advisory", packGuide},
	}
}
