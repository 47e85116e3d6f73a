package csaf

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// number is a version of a document: an integer, or a semantic version
// (section 3.1.11).
type number struct {
	text  string
	parts []uint64 // one for an integer, three for a semantic version
	pre   string   // pre-release part
}

var (
	integerForm  = regexp.MustCompile(`^(0|[1-9]\d*)$`)
	semanticForm = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$`)
)

// numberOf reads a version; one of neither form has no parts.
func numberOf(text string) number {
	n := number{text: text}
	m := semanticForm.FindStringSubmatch(text)
	if m == nil {
		if m = integerForm.FindStringSubmatch(text); m == nil {
			return n
		}
	} else {
		n.pre = m[4]
	}
	for _, part := range m[1:min(len(m), 4)] {
		v, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return number{text: text}
		}
		n.parts = append(n.parts, v)
	}
	return n
}

func (n number) major() uint64 {
	if len(n.parts) == 0 {
		return 0
	}
	return n.parts[0]
}

// unreleased is 0 or 0.y.z.
func (n number) unreleased() bool { return len(n.parts) > 0 && n.parts[0] == 0 }

// compare orders as Semantic Versioning 2.0.0 section 11 does.
func (n number) compare(o number) int {
	if c := slices.Compare(n.parts, o.parts); c != 0 {
		return c
	}
	switch {
	case n.pre == o.pre:
		return 0
	case n.pre == "":
		return 1
	case o.pre == "":
		return -1
	}
	return comparePrerelease(strings.Split(n.pre, "."), strings.Split(o.pre, "."))
}

func comparePrerelease(a, b []string) int {
	for i := range min(len(a), len(b)) {
		x, errX := strconv.ParseUint(a[i], 10, 64)
		y, errY := strconv.ParseUint(b[i], 10, 64)
		c := 0
		switch {
		case errX == nil && errY == nil:
			c = cmp.Compare(x, y)
		case errX == nil:
			c = -1 // a number is lower than a word
		case errY == nil:
			c = 1
		default:
			c = strings.Compare(a[i], b[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// entry is one revision, made ready.
type entry struct {
	at  time.Time
	num number
}

// history is the revision history by date; what has the same date stands by
// version. A date that is none sorts first, and the schema refuses it.
func (c *checker) history() []entry {
	var all []entry
	for _, r := range c.Meta.Tracking.Revision {
		at, err := time.Parse(time.RFC3339, r.Date)
		if err != nil {
			at = time.Time{}
		}
		all = append(all, entry{at, numberOf(r.Number)})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Or(a.at.Compare(b.at), a.num.compare(b.num)) })
	return all
}

const historyPath = "/document/tracking/revision_history"

func (c *checker) unsortedHistory() {
	all := c.history()
	for i := 1; i < len(all); i++ {
		if all[i-1].num.compare(all[i].num) > 0 {
			c.fail(historyPath, "version %s is dated after %s", all[i].num.text, all[i-1].num.text)
		}
	}
}

// latestVersion leaves out build metadata, and in a draft the pre-release part.
func (c *checker) latestVersion() {
	all := c.history()
	if len(all) == 0 {
		return
	}
	have, last := numberOf(c.Meta.Tracking.Version), all[len(all)-1].num
	if c.Meta.Tracking.Status == "draft" {
		have.pre, last.pre = "", ""
	}
	if have.compare(last) != 0 || len(have.parts) == 0 && have.text != last.text {
		c.fail("/document/tracking/version", "%s is not the latest of the history, %s", have.text, last.text)
	}
}

func (c *checker) draftStatus() {
	n := numberOf(c.Meta.Tracking.Version)
	if (n.unreleased() || n.pre != "") && c.Meta.Tracking.Status != "draft" {
		c.fail("/document/tracking/status", "version %s is a draft's", n.text)
	}
}

func (c *checker) released() bool {
	return c.Meta.Tracking.Status == "final" || c.Meta.Tracking.Status == "interim"
}

func (c *checker) releasedHistory() {
	for i, r := range c.Meta.Tracking.Revision {
		if c.released() && numberOf(r.Number).unreleased() {
			c.fail(fmt.Sprintf("%s/%d/number", historyPath, i), "%s in the history of a released document", r.Number)
		}
	}
}

func (c *checker) prereleaseHistory() {
	for i, r := range c.Meta.Tracking.Revision {
		if numberOf(r.Number).pre != "" {
			c.fail(fmt.Sprintf("%s/%d/number", historyPath, i), "%s is a pre-release", r.Number)
		}
	}
}

func (c *checker) nonDraftVersion() {
	if n := numberOf(c.Meta.Tracking.Version); c.released() && n.pre != "" {
		c.fail("/document/tracking/version", "%s of a released document is a pre-release", n.text)
	}
}

// missingHistory: versions start at 0 or 1 and leave none out; of a semantic
// version the major counts.
func (c *checker) missingHistory() {
	for i, all := 0, c.history(); i < len(all); i++ {
		switch major := all[i].num.major(); {
		case i == 0 && major > 1:
			c.fail(historyPath, "begins at version %s", all[i].num.text)
		case i > 0 && major > all[i-1].num.major()+1:
			c.fail(historyPath, "nothing between versions %s and %s", all[i-1].num.text, all[i].num.text)
		}
	}
}

func (c *checker) historyTwice() {
	twice(c.Meta.Tracking.Revision, func(r Revision) string { return r.Number }, func(i int, n string) {
		c.fail(fmt.Sprintf("%s/%d/number", historyPath, i), "version %s twice", n)
	})
}

func (c *checker) mixedVersioning() {
	kind := len(numberOf(c.Meta.Tracking.Version).parts)
	for i, r := range c.Meta.Tracking.Revision {
		if len(numberOf(r.Number).parts) != kind {
			c.fail(fmt.Sprintf("%s/%d/number", historyPath, i), "%s and the document's %s are of different kinds", r.Number, c.Meta.Tracking.Version)
		}
	}
}
