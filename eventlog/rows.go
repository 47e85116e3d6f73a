package eventlog

import (
	"bytes"
	"net/netip"
	"regexp"
	"time"

	"postern/eventlog/peers"
	"postern/evidence"
)

const batchRows = 512

// row is one event as a parser read it.
type row struct {
	schema *evidence.Schema
	values [][]byte
	at     time.Time    // zero: not known
	day    evidence.Day // 0: not known
	line   int64
	raw    []byte
	spelt  bool // a value is not raw's own bytes
}

// delivers reports whether a page whose path fits was delivered: 2xx, or 304
// for one that the client has.
func (w *row) delivers(path *regexp.Regexp) bool {
	at, status := w.schema.Roles[evidence.RolePath], w.schema.Roles[evidence.RoleStatus]
	if at < 0 || status < 0 {
		return false
	}
	code := w.values[status]
	return len(code) == 3 && (code[0] == '2' || string(code) == "304") && path.Match(w.values[at])
}

// rows gathers events into batches for one lane. Its memory is reused.
type rows struct {
	tally
	lane    evidence.Lane
	clients *peers.Settler
	review  evidence.Period
	ref     evidence.Ref
	line    int64 // number of the line that stands next

	events []evidence.Event
	batch  evidence.EventBatch // events, while the lane has them
	values [][]byte            // what events' Values point into
	nuls   bool                // the block in hand has some
}

func newRows(lane evidence.Lane, review evidence.Period, proxies []netip.Prefix, ref evidence.Ref) *rows {
	r := &rows{lane: lane, review: review, clients: peers.New(proxies), ref: ref, line: 1}
	r.ref.Unit = evidence.Line
	return r
}

// begin looks at a block as a whole before its lines are cut.
func (r *rows) begin(block []byte) {
	r.nuls = bytes.IndexByte(block, 0) >= 0
}

// cutLine takes the first line off b as the function does, and notes NULs.
func (r *rows) cutLine(b []byte) (line []byte, n int, ended bool) {
	line, n, ended = cutLine(b, r.nuls)
	if r.nuls && r.nulAt == 0 && bytes.IndexByte(b[:n], 0) >= 0 {
		r.nulAt = r.line
	}
	return line, n, ended
}

// notUnderstood counts the line in hand, one without an end as cut.
func (r *rows) notUnderstood(ended bool) {
	first(&r.misread, &r.misreadAt, r.line)
	r.cut = r.cut || !ended
}

// slot lends room for the values of the next row of a schema; they are kept if
// add takes the row, and lent again if not. The error is the lane's.
func (r *rows) slot(schema *evidence.Schema) ([][]byte, error) {
	if n := len(r.events); n == batchRows || n > 0 && r.events[0].Schema != schema {
		if err := r.flush(); err != nil {
			return nil, err
		}
	}
	n := len(schema.Fields)
	if cap(r.values)-len(r.values) < n {
		r.values = make([][]byte, 0, max(2*cap(r.values), 32*n))
	}
	have := len(r.values)
	return r.values[have : have+n : have+n], nil
}

// add counts an event, whose values stand in the slot lent last, and delivers
// it if it lies in the review period or states no time.
func (r *rows) add(w row) {
	r.tally.events++
	r.see(w.at, w.day)
	if r.low != nil && !r.low.Match(w.raw) {
		r.low = nil
	}
	if r.serves != nil && w.delivers(r.serves) {
		r.serves = nil
	}
	peer := r.clients.Settle(w.schema, w.values, &r.peers)
	if !w.at.IsZero() && !r.review.Holds(w.at) {
		return
	}
	r.values = r.values[:len(r.values)+len(w.values)]
	e := evidence.Event{Schema: w.schema, Values: w.values, Peer: peer, Time: w.at, Ref: r.ref, Raw: w.raw, Verbatim: !w.spelt}
	e.Ref.At = w.line
	r.events = append(r.events, e)
}

// flush hands the batch to the lane. It must be called before the block's
// bytes change.
func (r *rows) flush() error {
	if len(r.events) == 0 {
		return nil
	}
	r.batch = evidence.EventBatch{Schema: r.events[0].Schema, Events: r.events}
	err := r.lane.Events(&r.batch)
	r.events, r.values = r.events[:0], r.values[:0]
	return err
}
