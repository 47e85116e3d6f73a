package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// renamed is how long records under the old and the new name of a computer may
// run side by side.
const renamed = 24 * time.Hour

// computer is one machine, by the names that records have for it.
type computer struct {
	names []evidence.Host // by first record
	logs  []string        // paths
}

// String gives its latest name.
func (c *computer) String() string {
	last := slices.MaxFunc(c.names, func(a, b evidence.Host) int { return a.To.Compare(b.To) })
	return fmt.Sprintf("%s (%s)", last.Name, count(len(c.logs), "log"))
}

// computers tells which machines the records of logs are of, in the required
// window. A name with and without its domain is one; in two domains it is two. Two
// names are of one machine that was renamed if the one is nowhere while the other is
// in use, and, in a pile of logs from anywhere, a log has both. Such a pile is also a
// folder that is no system's: it holds something besides logs, and no more.
func computers(asked Asked, cover []evidence.Coverage) []*computer {
	var all []*computer
	pile := asked.Kind == evidence.KindLogs || asked.Kind == evidence.KindTree && asked.OS == ""
	for _, c := range cover {
		if c.Missed != nil {
			continue
		}
		for _, h := range c.Hosts {
			if !h.To.IsZero() && h.To.Before(asked.Required.From) {
				continue
			}
			i := slices.IndexFunc(all, func(o *computer) bool { return same(o.names[0].Name, h.Name) })
			if i < 0 {
				i = len(all)
				all = append(all, &computer{names: []evidence.Host{h}})
			}
			if _, domain := split(all[i].names[0].Name); domain == "" {
				all[i].names[0].Name = h.Name // with its domain it is the name of one alone
			}
			all[i].names[0].Add(h.From)
			all[i].names[0].Add(h.To)
			if !slices.Contains(all[i].logs, c.Path) {
				all[i].logs = append(all[i].logs, c.Path)
			}
		}
	}
	for i := 0; i < len(all); i++ {
		for j := i + 1; j < len(all); j++ {
			if all[i].renamedTo(all[j], pile) {
				all[i].join(all[j])
				all = slices.Delete(all, j, j+1)
				j = i // the new name may join others
			}
		}
	}
	slices.SortFunc(all, func(a, b *computer) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// split gives a computer's name without its domain, and that, as they are compared.
func split(name string) (short, domain string) {
	short, domain, _ = strings.Cut(strings.ToUpper(strings.TrimSuffix(name, ".")), ".")
	return short, domain
}

// same reports whether two names are of one computer as they stand.
func same(a, b string) bool {
	short, domain := split(a)
	other, of := split(b)
	return short == other && (domain == of || domain == "" || of == "")
}

// renamedTo reports whether two are one, under names it had one after the other.
func (c *computer) renamedTo(o *computer, pile bool) bool {
	return (!pile || slices.ContainsFunc(c.logs, func(path string) bool { return slices.Contains(o.logs, path) })) &&
		!slices.ContainsFunc(c.names, func(a evidence.Host) bool {
			return slices.ContainsFunc(o.names, func(b evidence.Host) bool { return a.To.Sub(b.From) > renamed && b.To.Sub(a.From) > renamed })
		})
}

func (c *computer) join(o *computer) {
	c.names = append(c.names, o.names...)
	for _, path := range o.logs {
		if !slices.Contains(c.logs, path) {
			c.logs = append(c.logs, path)
		}
	}
}

// mixed is the gap of a source whose logs are of several computers: what one of
// them logged does not stand for what another did not.
func mixed(asked Asked, cover []evidence.Coverage) []evidence.Coverage {
	const most = 12
	all := computers(asked, cover)
	if len(all) < 2 {
		return nil
	}
	var names []string
	for _, c := range all {
		names = append(names, c.String())
	}
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return []evidence.Coverage{evidence.Gap(evidence.CoverLogFamily, "logs of several computers", evidence.CompromisedThen, evidence.Ambiguous,
		"records of "+count(len(all), "computer")+": "+strings.Join(names, ", ")+"; a day that one of them logged says nothing of the others: give each its own target (--host NAME=TARGET)")}
}
