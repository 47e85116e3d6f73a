package evtx

import (
	"maps"
	"slices"
	"time"

	"postern/evidence"
)

// Clear is one record of a log's having been cleared (Security 1102, System 104).
type Clear struct {
	Record  uint64
	Time    time.Time
	Channel string // which one
}

// Clears are the clearings that a log tells of.
type Clears struct {
	Asked  Cleared // in the required period, or at no time that a record states
	Others Cleared // outside of it
}

// Cleared is clearings in the log's order: how many, the first few and the last.
type Cleared struct {
	Count int64
	First []Clear
	Last  Clear
}

const mostClears = 5

// Add takes one more clearing; required is the period that is asked about.
func (c *Clears) Add(one Clear, required evidence.Period) {
	to := &c.Others
	if one.Time.IsZero() || required.Holds(one.Time) {
		to = &c.Asked
	}
	if to.Count++; len(to.First) < mostClears {
		to.First = append(to.First, one)
	}
	to.Last = one
}

// Hosts are the computers that the records of a log name, a hundred at most. The
// zero value is ready for use.
type Hosts struct {
	last *evidence.Host // that a record named
	all  map[string]*evidence.Host
}

const mostHosts = 100

// Add takes the computer that a record names, if any, and the record's time.
func (h *Hosts) Add(name []byte, at time.Time) {
	if len(name) == 0 {
		return
	}
	if h.last == nil || h.last.Name != string(name) {
		h.last = h.all[string(name)]
	}
	if h.last == nil && len(h.all) < mostHosts {
		if h.all == nil {
			h.all = map[string]*evidence.Host{}
		}
		h.last = &evidence.Host{Name: string(name)}
		h.all[h.last.Name] = h.last
	}
	if h.last != nil {
		h.last.Add(at)
	}
}

// List gives them by name.
func (h *Hosts) List() (list []evidence.Host) {
	for _, name := range slices.Sorted(maps.Keys(h.all)) {
		list = append(list, *h.all[name])
	}
	return list
}
