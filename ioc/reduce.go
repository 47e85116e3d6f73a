package ioc

import (
	"cmp"
	"regexp"
	"strings"
	"time"
)

// Why an entry of a pattern is a lead.
const (
	leadPart    = "one part of a pattern whose other parts are not checked"
	leadRepeats = "of a pattern that wants it several times"
)

// reduced is what of a pattern can be held against evidence: whenever the
// pattern holds, one of entries is there, or what missing names.
type reduced struct {
	entries []Entry
	missing []string // what can't be honoured, and stands for itself
	narrows bool     // it only narrows what stands beside it
	from    time.Time
	until   time.Time // of START ... STOP around the whole
}

// clip narrows what an indicator says of its time to what its pattern says.
func (r *reduced) clip(a *About) {
	if r.from.After(a.From) {
		a.From = r.from
	}
	if !r.until.IsZero() && (a.Until.IsZero() || r.until.Before(a.Until)) {
		a.Until = r.until
	}
}

// reduce finds what of the whole pattern can be looked for.
func (x *expression) reduce() *reduced {
	r := x.part()
	if r.narrows {
		r = &reduced{missing: []string{"nothing here is held against " + x.names() + " by itself"}}
	}
	return r
}

// names gives the properties of a pattern, the first three of them.
func (x *expression) names() string {
	if x.op == opTest {
		return x.test.name()
	}
	var all []string
	for _, p := range x.parts[:min(len(x.parts), 3)] {
		all = append(all, p.names())
	}
	return strings.Join(all, ", ")
}

func (x *expression) part() *reduced {
	switch x.op {
	case opTest:
		return x.test.reduce()
	case opEither:
		return x.either()
	case opBoth:
		return x.both()
	}
	r := x.parts[0].part()
	switch {
	case x.op == opDuring && r.from.IsZero() && r.until.IsZero():
		r.from, r.until = x.from, x.until
	case x.op == opDuring:
		r.lead(leadPart)
	case x.op == opRepeats && x.times > 1:
		r.lead(leadRepeats)
	}
	return r
}

// either: each part proves the pattern by itself.
func (x *expression) either() *reduced {
	sum := &reduced{}
	for _, p := range x.parts {
		r := p.part()
		switch {
		case r.narrows:
			r.missing = []string{"nothing here is held against " + p.names() + " by itself"}
		case !r.from.IsZero() || !r.until.IsZero(): // the time of a part is not that of the whole
			r.lead(leadPart)
		}
		sum.entries = append(sum.entries, r.entries...)
		sum.missing = append(sum.missing, r.missing...)
	}
	return sum
}

// both: no part proves the pattern, and each must be there when it holds. The
// one that says most is looked for, as a lead; but a hash says all there is to
// say of a file, and what only narrows takes nothing from the rest.
func (x *expression) both() *reduced {
	if whole := x.wholePath(); whole != nil {
		return whole
	}
	var best *reduced
	parts := 0
	for _, p := range x.parts {
		r := p.part()
		if r.narrows {
			continue
		}
		parts++
		if best == nil || r.says() > best.says() {
			best = r
		}
	}
	switch {
	case best == nil:
		return &reduced{narrows: true}
	case parts > 1 && !(best.says() == saysHash && x.oneFile()):
		best.lead(leadPart)
	}
	return best
}

// oneFile reports whether all parts say what one file is like.
func (x *expression) oneFile() bool {
	for _, p := range x.parts {
		if p.op != opTest || p.test.object != "file" && p.test.object != "artifact" || p.test.not || p.test.op == "!=" {
			return false
		}
	}
	return true
}

// wholePath puts a file's name and its folder together.
func (x *expression) wholePath() *reduced {
	name, folder, others := "", "", false
	for _, p := range x.parts {
		switch {
		case p.op != opTest || p.test.not || p.test.op != "=" || len(p.test.values) != 1:
			return nil
		case p.test.name() == "file:name":
			name = p.test.values[0]
		case p.test.name() == "file:parent_directory_ref.path":
			folder = p.test.values[0]
		default:
			if others = !narrowing(p.test); others {
				return nil
			}
		}
	}
	if name == "" || folder == "" || strings.ContainsAny(name, `\/`) {
		return nil
	}
	e, why := file(strings.TrimRight(folder, `\/`) + "/" + name)
	if why != "" || e.Kind != Path {
		return nil
	}
	return &reduced{entries: []Entry{e}}
}

func (r *reduced) lead(why string) {
	r.from, r.until = time.Time{}, time.Time{}
	for i := range r.entries {
		r.entries[i].Lead = cmp.Or(r.entries[i].Lead, why)
	}
}

// saysHash is how much a strong hash says.
const saysHash = 7

// says is how much of a pattern the part that says least of the entries tells;
// nothing where something of it can't be honoured.
func (r *reduced) says() int {
	if len(r.missing) > 0 || len(r.entries) == 0 {
		return min(len(r.entries), 1)
	}
	least := saysHash
	for _, e := range r.entries {
		says := map[Kind]int{URL: 5, Path: 4, Peer: 3, Agent: 3, Name: 2}[e.Kind]
		if e.Kind == Hash {
			says = saysHash
		}
		least = min(least, says)
	}
	return least
}

func (c *comparison) name() string { return c.object + ":" + c.path }

// narrowing reports whether a test only narrows what others of its pattern say:
// a port, a protocol, a size, what a name resolves to. Neither lists of
// addresses nor the logs tell these of every contact.
func narrowing(c *comparison) bool {
	switch c.object {
	case "network-traffic":
		return strings.HasSuffix(c.path, "_port") || strings.HasSuffix(c.path, ".type") || c.path == "protocols" || c.path == "is_active" ||
			strings.HasSuffix(c.path, ".request_method")
	case "file":
		return c.path == "size" || c.path == "mime_type" || c.path == "name_enc" || c.path == "magic_number_hex"
	case "domain-name":
		return strings.HasPrefix(c.path, "resolves_to_refs")
	case "ipv4-addr", "ipv6-addr":
		return strings.HasPrefix(c.path, "belongs_to_refs") || strings.HasPrefix(c.path, "resolves_to_refs")
	}
	return false
}

// reduce gives what one test looks for.
func (c *comparison) reduce() *reduced {
	read := c.reader()
	switch {
	case narrowing(c):
		return &reduced{narrows: true}
	case read == nil:
		return &reduced{missing: []string{"nothing here is held against " + c.name()}}
	case c.not || c.op == "!=":
		return &reduced{missing: []string{c.name() + ": what is not there can't be looked for"}}
	}
	r := &reduced{}
	for _, value := range c.values {
		below := false
		switch {
		case c.op == "=" || c.op == "IN":
		case c.op == "ISSUBSET" && strings.Contains(value, "/"):
		case c.op == "LIKE" && c.object == "domain-name" && strings.HasPrefix(value, "%."):
			value, below = value[2:], true
			fallthrough
		case c.op == "LIKE" && !strings.ContainsAny(value, "%_"):
		case c.op == "MATCHES" && literally.MatchString(value):
			value = strings.NewReplacer(`\.`, ".", `\/`, "/", `\-`, "-").Replace(value[1 : len(value)-1])
		default:
			r.missing = append(r.missing, c.name()+" "+c.op+" "+shown(value)+" can't be held against evidence")
			continue
		}
		if below && strings.ContainsAny(value, "%_") {
			r.missing = append(r.missing, c.name()+" LIKE "+shown(value)+" can't be held against evidence")
			continue
		}
		e, why := read(value)
		if why != "" {
			r.missing = append(r.missing, c.name()+": "+why)
			continue
		}
		r.entries = append(r.entries, e)
	}
	if c.op == "EXISTS" {
		r.missing = []string{c.name() + ": that there is one tells nothing"}
	}
	return r
}

// literally are regular expressions that stand for one text.
var literally = regexp.MustCompile(`^\^(?:[A-Za-z0-9/:_ -]|\\[./-])+\$$`)

// reader is how the values of a property are read; nil: it is of nothing that is
// held against evidence.
func (c *comparison) reader() func(string) (Entry, string) {
	hashes := strings.TrimPrefix(c.path, "content_ref.")
	switch name := c.name(); {
	case name == "ipv4-addr:value" || name == "ipv6-addr:value" || name == "domain-name:value",
		name == "network-traffic:dst_ref.value", name == "network-traffic:src_ref.value":
		return peer
	case name == "url:value":
		return link
	case (c.object == "file" || c.object == "artifact") && strings.HasPrefix(hashes, "hashes."):
		switch strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(hashes, "hashes."), "-", "")) {
		case "md5", "sha1", "sha256":
			return digest
		}
	case name == "file:name":
		return file
	case name == "directory:path":
		return func(word string) (Entry, string) {
			e, why := file(word)
			if why == "" && e.Kind != Path {
				why = shown(word) + " names no drive"
			}
			return e, why
		}
	case c.object == "network-traffic" && strings.HasSuffix(strings.ToLower(c.path), "http-request-ext.request_header.user-agent"):
		return agent
	}
	return nil
}
