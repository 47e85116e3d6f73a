package ioc

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
)

// maxSources is how many references of one indicator are kept.
const maxSources = 8

// observables are the types of STIX cyber-observable objects (STIX 2.1, section
// 6) and of what says that they were seen: observations, and no indicators.
var observables = map[string]bool{
	"artifact": true, "autonomous-system": true, "directory": true, "domain-name": true, "email-addr": true, "email-message": true, "file": true,
	"ipv4-addr": true, "ipv6-addr": true, "mac-addr": true, "mutex": true, "network-traffic": true, "process": true, "software": true, "url": true,
	"user-account": true, "windows-registry-key": true, "x509-certificate": true, "observed-data": true,
}

// markings are the statements of TLP 1.0 (STIX 2.1, section 7.2.1.4) and of TLP
// 2.0 (OASIS's extension definition for it).
var markings = map[string]string{
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "TLP:WHITE",
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "TLP:GREEN",
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "TLP:AMBER",
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "TLP:RED",
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "TLP:CLEAR",
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "TLP:GREEN",
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "TLP:AMBER",
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "TLP:AMBER+STRICT",
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "TLP:RED",
}

// object takes one object of STIX. Of several versions of an indicator the
// newest counts (STIX 2.1, section 3.6).
func (j *jsonList) object(n *node) {
	j.Format = "STIX"
	kind := strings.ToLower(n.kind)
	if strings.HasPrefix(n.id, "indicator--") {
		kind = cmp.Or(kind, "indicator")
	}
	switch {
	case kind == "":
		j.refuseAt(n.at, n.id, "it states no type")
		return
	case kind != "indicator" && strings.HasPrefix(n.id, "indicator--"):
		j.refuseAt(n.at, n.id, "by its id an indicator, and of type "+shown(n.kind))
		return
	case observables[kind]:
		if j.observed == nil {
			j.observed = map[string]int{}
		}
		j.observed[kind]++
		return
	case kind != "indicator":
		return // it says who, what and why, and is nothing to look for
	}
	last := stamp(n.last)
	at, known := j.newest[n.id]
	if !known || n.id == "" || last.Equal(j.indicators[at].modified) { // of two versions of one time nobody can say which is older
		j.newest[n.id] = len(j.indicators)
		j.indicators = append(j.indicators, version{n.at, last})
		return
	}
	j.leave("older versions of an indicator", n.id)
	if last.After(j.indicators[at].modified) {
		j.indicators[at] = version{n.at, last}
	}
}

// version is where an indicator stands, so that a list of 100,000 is not kept
// beside what is made of it.
type version struct {
	at       int
	modified time.Time
}

// stix takes the indicators once all objects are known.
func (j *jsonList) stix() error {
	j.again = true
	for _, v := range j.indicators {
		j.at = v.at
		n, err := j.node()
		if err != nil {
			return err // not after it was read before
		}
		j.indicator(&n)
	}
	if j.observed == nil {
		return nil
	}
	said, all := "", 0
	for _, kind := range slices.Sorted(maps.Keys(j.observed)) {
		all += j.observed[kind]
		said += fmt.Sprintf(", %d %s", j.observed[kind], kind)
	}
	if said = said[2:]; len(j.indicators) == 0 {
		j.List.refuse(1, 1, "", "it holds observations ("+said+") and no indicator: what was seen somewhere is not what to look for; make a plain list of the values that are")
		return nil
	}
	j.Left = append(j.Left, Left{"observed objects, context of the indicators (" + said + ")", all, ""})
	return nil
}

// indicator takes one indicator of STIX.
func (j *jsonList) indicator(n *node) {
	line, column := j.place(n.at)
	refuse := func(why string) { j.refuse(line, column, n.id, why) }
	switch language := strings.ToLower(cmp.Or(n.language, "stix")); {
	case n.revoked:
		j.leave("revoked", n.id)
	case slices.Contains(n.labels, "benign"):
		j.leave("called benign", n.id)
	case language == "sigma" || language == "yara":
		j.Rules = append(j.Rules, Rule{language, n.id, n.pattern})
	case language != "stix":
		refuse(fmt.Sprintf("patterns of type %s are not read", shown(n.language)))
	case n.pattern == "":
		refuse("it has no pattern")
	default:
		x, err := parsePattern(n.pattern)
		if err != nil {
			refuse("pattern " + shown(n.pattern) + ": " + err.Error())
			return
		}
		about := j.about(n, refuse)
		found := x.reduce()
		found.clip(about)
		for _, e := range found.entries {
			e.About = about
			if slices.Contains(n.labels, "anonymization") {
				e.Lead = cmp.Or(e.Lead, "an anonymizer")
			}
			j.add(e, true)
		}
		for _, why := range found.missing {
			refuse(why)
		}
	}
}

// about is what an indicator says of itself. A time that can't be read leaves
// its end open and is refused: the indicator still counts.
func (j *jsonList) about(n *node, refuse func(string)) *About {
	a := &About{ID: Cut(n.id, maxSource), Title: cmp.Or(firstLine(n.name), firstLine(n.text)), Sources: n.sources}
	for _, m := range n.marks {
		a.Note = cmp.Or(a.Note, markings[m])
	}
	a.Note = cmp.Or(a.Note, tlp(n.labels))
	if c, err := strconv.Atoi(n.confidence); err == nil && c < 30 { // "Low" of STIX 2.1, appendix A
		a.Confidence = evidence.Unsure
	}
	for _, f := range []struct {
		name, text string
		to         *time.Time
	}{{"valid_from", n.from, &a.From}, {"valid_until", n.until, &a.Until}} {
		if *f.to = stamp(f.text); f.text != "" && f.to.IsZero() {
			refuse(fmt.Sprintf("%s %s is no time; taken as open", f.name, shown(f.text)))
		}
	}
	return a
}

// stamp reads a time, zero for none.
func stamp(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// Bytes of what a list says that are kept.
const (
	maxTitle  = 120 // of a name, or of a description in its place
	maxSource = 500 // of a reference, and of an id
)

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return Cut(strings.TrimSpace(line), maxTitle)
}

// tlp gives the traffic light that labels or tags name.
func tlp(tags []string) string {
	for _, t := range tags {
		if name, of := strings.CutPrefix(strings.ToLower(t), "tlp:"); of && name != "" {
			return "TLP:" + strings.ToUpper(name)
		}
	}
	return ""
}
