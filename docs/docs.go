// Package docs holds the guides of this folder, so that postern help prints
// them where there is no network. They are plain ASCII text of at most 100
// columns.
package docs

import (
	_ "embed"
	"regexp"
)

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

// fenced finds the blocks of a guide that are files: ```yaml pack.yaml.
var fenced = regexp.MustCompile("(?ms)^```\\w+ (\\S+)\n(.*?)^```$")

// Sample returns the files of the pack that the pack guide shows, by name.
func Sample() map[string]string {
	files := map[string]string{}
	for _, m := range fenced.FindAllStringSubmatch(packGuide, -1) {
		files[m[1]] = m[2]
	}
	return files
}
