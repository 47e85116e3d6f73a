package detect

import (
	"bytes"
	"slices"

	"postern/evidence"
)

// What a literal may be of, beside rules over events.
const (
	ofPeers uint8 = 1 << iota
	ofAgents
	ofStarts
)

// look is what the prefilter tells of one event. A lane has one, and looks with
// it at event after event.
type look struct {
	rules []int // indices of the rules that may match, ascending
	peers bool  // it may name a peer
	agent bool  // its client may call itself as a list has it
	start bool  // it may say that a product started

	p       *program
	kinds   uint8
	ungated bool     // every rule is taken for every event
	all     bool     // what literals it holds is not known
	tried   []uint32 // by rule: the round in which it was put in rules
	round   uint32
	decoded []byte // scratch: one value after another
	onHit   func(id uint32, at int)
}

func newLook(l *literals, ungated bool) *look {
	k := &look{ungated: ungated}
	k.onHit = func(id uint32, _ int) { k.take(l, id) }
	return k
}

// at looks at an event, in its bytes and, where those do not hold its values, in the
// values: every rule that may match it is in rules, those whose literals the
// prefilter did not find are not.
func (k *look) at(p *program, e *evidence.Event) {
	k.begin(p)
	if k.ungated {
		k.everything()
		return
	}
	k.seek(e.Raw)
	if !e.Verbatim {
		k.each(e, k.seek)
	}
	if p.encodes && (!e.Verbatim || bytes.IndexByte(e.Raw, '%') >= 0) {
		k.each(e, k.decode)
	}
	if p.path >= 0 && p.path < len(e.Values) {
		k.tidy(e.Values[p.path])
	}
	if k.all {
		k.everything()
		return
	}
	k.peers, k.start = k.peers || k.kinds&ofPeers != 0, p.anyStart || k.kinds&ofStarts != 0
	k.agent = p.anyAgent || len(p.agents) > 0 && k.kinds&ofAgents != 0
	if len(k.rules) > 1 {
		slices.Sort(k.rules)
	}
}

func (k *look) begin(p *program) {
	if k.round++; k.p != p || k.round == 0 {
		k.p, k.round = p, 1
		k.tried = make([]uint32, len(p.rules))
	}
	k.rules, k.peers, k.kinds, k.all = append(k.rules[:0], p.always...), len(p.peers.always) > 0, 0, false
}

// everything takes all rules.
func (k *look) everything() {
	k.rules = k.rules[:0]
	for i := range k.p.rules {
		k.rules = append(k.rules, i)
	}
	k.peers, k.agent, k.start = len(k.p.peers.rules) > 0, len(k.p.agents) > 0, true
}

// take notes that a literal was seen.
func (k *look) take(l *literals, id uint32) {
	k.kinds |= l.kinds[id]
	if k.p.wanted[id>>6]>>(id&63)&1 == 0 {
		return
	}
	for _, i := range k.p.literal[id] {
		if k.tried[i] != k.round {
			k.tried[i] = k.round
			k.rules = append(k.rules, i)
		}
	}
}

// each looks at every value of an event.
func (k *look) each(e *evidence.Event, at func(value []byte)) {
	for _, value := range e.Values {
		at(value)
	}
	at(e.Peer)
}

// decode looks for literals in what a value is once and twice percent-decoded. That
// "+" may be a blank is a literal's own business, see spacings.
func (k *look) decode(value []byte) {
	k.decoded = k.decoded[:0]
	for range 2 {
		decoded, changed := k.unescape(value)
		if !changed {
			return
		}
		k.seek(decoded)
		value = decoded
	}
}

// unescape percent-decodes a value behind those in decoded.
func (k *look) unescape(value []byte) (decoded []byte, changed bool) {
	if bytes.IndexByte(value, '%') < 0 {
		return value, false
	}
	from := len(k.decoded)
	k.decoded = appendUnescaped(k.decoded, value, false)
	decoded = k.decoded[from:len(k.decoded):len(k.decoded)]
	return decoded, len(decoded) != len(value)
}

// tidy looks for literals in a path without doubled slashes and dot segments, as
// pathForms spells it: of the whole value, and of what stands before a query.
func (k *look) tidy(value []byte) {
	path := value
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	for {
		k.decoded = k.decoded[:0]
		last, changed := k.unescape(path)
		if changed {
			last, _ = k.unescape(last)
		}
		if !isPlainPath(last) {
			from := len(k.decoded)
			k.decoded = appendTidy(k.decoded, last)
			k.seek(k.decoded[from:])
		}
		if len(path) == len(value) {
			return
		}
		path = value
	}
}

func (k *look) seek(text []byte) {
	if ascii := k.p.seek.scan(text, k.onHit); !ascii {
		k.all = k.all || foldsToASCII(text)
	}
}
