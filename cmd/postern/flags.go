package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
	"postern/pack"
	"postern/target"
)

// everyPart is what is asked without --only.
const everyPart = evidence.Exposed | evidence.Compromised | evidence.Reachable | evidence.Unprepared

var questions = []struct {
	name  string
	parts evidence.Parts
}{
	{"exposed", evidence.Exposed}, {"compromised", evidence.Compromised},
	{"reachable", evidence.Reachable}, {"unprepared", evidence.Unprepared},
}

func parseOnly(names []string) (evidence.Parts, error) {
	if len(names) == 0 {
		return everyPart, nil
	}
	var asked evidence.Parts
	for _, n := range names {
		at := slices.IndexFunc(questions, func(q struct {
			name  string
			parts evidence.Parts
		}) bool {
			return q.name == strings.TrimSpace(n)
		})
		if at < 0 {
			return 0, fmt.Errorf("--only %q: not a question; the questions are exposed, compromised, reachable, unprepared", n)
		}
		asked |= questions[at].parts
	}
	return asked, nil
}

// parseTime reads a day or a time; without a zone of its own it is in zone. A
// day is its beginning.
func parseTime(flag, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if zone == nil {
		zone = time.UTC
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s %q: write a day as 2026-01-31 or a time as 2026-01-31T08:00:00Z", flag, text)
}

func parseShadows(said []string) (all []target.Shadow, err error) {
	for _, text := range said {
		s, err := target.ParseShadow(text)
		if err != nil {
			return nil, fmt.Errorf("--shadow-copy: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

func parseZone(name string) (*time.Location, error) {
	switch name {
	case "":
		return nil, nil //nolint:nilnil // not said is not an error
	case "Local":
		return nil, fmt.Errorf("--time-zone %q: name a zone, as Europe/Berlin or UTC", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("--time-zone %q: not a zone of the IANA database; write it as Europe/Berlin or UTC", name)
	}
	return zone, nil
}

// parseProxies reads addresses and networks. One of every address would let any
// client write his own.
func parseProxies(said []string) (all []netip.Prefix, err error) {
	for _, s := range said {
		net, err := netip.ParsePrefix(s)
		if addr, single := netip.ParseAddr(s); err != nil && single == nil {
			addr = addr.Unmap().WithZone("")
			net, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("--proxy %q: not an address or a network; write it as 10.0.0.5 or 10.0.0.0/28", s)
		case net.Addr().Is4In6():
			return nil, fmt.Errorf("--proxy %q: write the network as IPv4", s)
		case net.Bits() == 0:
			return nil, fmt.Errorf("--proxy %q: every address there is; name your proxies", s)
		}
		all = append(all, net.Masked())
	}
	return all, nil
}

// parseAge reads a duration that may be given in days.
func parseAge(text string) (time.Duration, error) {
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("--pack-max-age %q: write it as 90d or 36h", text)
}

// parseLatest reads [PACK=]BUILD. Without a name it is said of the only pack.
func parseLatest(said []string, packs []*pack.Pack) (map[string]string, error) {
	latest := map[string]string{}
	for _, s := range said {
		id, build, named := strings.Cut(s, "=")
		if !named {
			if len(packs) != 1 {
				return nil, fmt.Errorf("--latest-build %q: several packs are loaded; write PACK=BUILD", s)
			}
			id, build = packs[0].ID, s
		}
		at := slices.IndexFunc(packs, func(p *pack.Pack) bool { return p.ID == id })
		if at < 0 {
			return nil, fmt.Errorf("--latest-build %q: no pack %q is loaded", s, id)
		}
		if _, err := packs[at].Scheme.Parse(build); err != nil {
			return nil, fmt.Errorf("--latest-build %q: %w", s, err)
		}
		latest[id] = build
	}
	return latest, nil
}

// named is one target, and the host it belongs to where the operator said so.
type named struct{ target, host string }

// parseTargets gathers what to examine: arguments, --host NAME=TARGET, and the
// lines of a list. Nothing at all means this host.
func parseTargets(args, hosts []string, list string, read func(string) ([]byte, error)) ([]named, error) {
	var all []named
	add := func(target, host string) {
		at := slices.IndexFunc(all, func(n named) bool { return n.target == target })
		switch {
		case at < 0:
			all = append(all, named{target, host})
		case host != "":
			all[at].host = host
		}
	}
	for _, a := range args {
		if a == "" {
			return nil, fmt.Errorf("an empty target; leave it out to examine this host")
		}
		add(a, "")
	}
	if list != "" {
		text, err := read(list)
		if err != nil {
			return nil, failed("-f: %w", err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff")); line != "" && !strings.HasPrefix(line, "#") {
				add(line, "")
			}
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("-f %s: no targets in it; an empty list is not this host", list)
		}
	}
	for _, h := range hosts {
		host, target, ok := strings.Cut(h, "=")
		if !ok || host == "" || target == "" {
			return nil, fmt.Errorf("--host %q: write NAME=TARGET", h)
		}
		add(target, host)
	}
	if len(all) == 0 {
		return []named{{}}, nil
	}
	return all, nil
}

// maxList bounds lists, scopes and inventories.
const maxList = 16 << 20

// readSmall reads a whole file the operator wrote, standard input for "-".
func (c *check) readSmall(path string) ([]byte, error) {
	in := c.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return readAtMost(in, path, maxList)
}
