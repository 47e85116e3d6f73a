package report

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"postern/evidence"
	"postern/verdict"
)

// Listed is one machine that should exist, as the operator's inventory has it.
type Listed struct {
	Name      string
	Addresses []string // host names and addresses it answers on
	Role      string   // host, vm, template, dr or cluster; "" for host
	Cluster   string   // machines of one cluster carry the same name
	Note      string
}

// Inventory holds what was examined against what should exist. A machine that
// is listed and was not examined becomes a target of its own whose answers are
// unknown; a target with an installation that nobody listed gets the lead
// "inventory-forgotten"; a partner of a cluster that was not examined is a gap
// of those that were. The targets given are not changed.
func Inventory(targets []Target, listed []Listed, asked evidence.Parts) []Target {
	out := slices.Clone(targets)
	seen := make([]bool, len(listed))
	for i := range out {
		at := slices.IndexFunc(listed, func(l Listed) bool { return l.is(&out[i]) })
		for j := range listed {
			seen[j] = seen[j] || listed[j].is(&out[i]) && out[i].Looked()
		}
		if at < 0 && len(out[i].Installations) > 0 {
			out[i].Findings = append(slices.Clone(out[i].Findings), forgotten(&out[i]))
		}
	}
	for i := range out {
		for j, l := range listed {
			if l.Cluster == "" || !l.is(&out[i]) {
				continue
			}
			for k, partner := range listed {
				if k != j && partner.Cluster == l.Cluster && !seen[k] {
					missPartner(&out[i], l.Cluster, partner.Name)
				}
			}
		}
	}
	for j, l := range listed {
		known := slices.ContainsFunc(targets, func(t Target) bool { return l.is(&t) })
		if !seen[j] && !known {
			out = append(out, Missing(l.Name, l.Name, evidence.KindHost, asked, evidence.Absent, l.why()))
		}
	}
	return out
}

func (l Listed) why() string {
	why := "listed in the inventory"
	if l.Role != "" && l.Role != "host" {
		why += " as " + l.Role
	}
	why += ", not examined"
	if l.Note != "" {
		why += " (" + l.Note + ")"
	}
	return why
}

// is reports whether a target is the listed machine: by host name, by the name
// or address in its URL, or by what the operator called it. A short name
// matches the first label of a full one.
func (l Listed) is(t *Target) bool {
	names := append([]string{l.Name}, l.Addresses...)
	for _, have := range []string{t.Host, urlHost(t), t.Target} {
		if have != "" && slices.ContainsFunc(names, func(n string) bool { return sameHost(n, have) }) {
			return true
		}
	}
	return false
}

func sameHost(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSuffix(a, ".")), strings.ToLower(strings.TrimSuffix(b, "."))
	if a == b {
		return a != ""
	}
	if isAddress(a) || isAddress(b) {
		return false // an address has no short form
	}
	aFirst, aRest, _ := strings.Cut(a, ".")
	bFirst, bRest, _ := strings.Cut(b, ".")
	return aFirst == bFirst && (aRest == "") != (bRest == "")
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// urlHost is the host of a target that is a web address, else "".
func urlHost(t *Target) string {
	if t.Kind != evidence.KindURL {
		return ""
	}
	address := t.Target
	if !strings.Contains(address, "://") {
		address = "//" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Looked reports whether anything at all was seen of a target.
func (t *Target) Looked() bool {
	return slices.ContainsFunc(t.Coverage, func(c Coverage) bool { return c.Missed == nil })
}

func forgotten(t *Target) Finding {
	path := t.Installations[0].Path
	return Finding{
		ID: "inventory-forgotten:" + t.Target, Rule: "inventory-forgotten",
		Title:    "An installation that the inventory does not list",
		Question: "exposed", Severity: verdict.Medium, Confidence: evidence.Confirmed, Class: verdict.Lead,
		Count: int64(len(t.Installations)), Attack: []string{}, Vulns: []string{},
		Refs: []Ref{{Collector: "inventory", Path: path, Text: fmt.Sprintf("%s at %s", t.Installations[0].Name, path)}},
		Next: "Find out who runs it, then list it, update it or take it away: forgotten servers are where break-ins begin.",
	}
}

func missPartner(t *Target, cluster, partner string) {
	path, said := "cluster "+clean(cluster), string(evidence.Absent)+": its partner "+clean(partner)+" was not examined"
	t.Coverage = append(slices.Clone(t.Coverage), Coverage{
		Kind: evidence.CoverState, Path: path, Parts: []string{"exposed"}, Missed: &said,
	})
	t.Answers.Exposed.Gaps = slices.Clone(t.Answers.Exposed.Gaps)
	t.Answers.Exposed.doubt(path + ": " + said)
}
