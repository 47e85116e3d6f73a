package evidence

import "context"

// Need is what a collector needs of a source.
type Need uint8

// The needs. A collector runs when the source has any of them.
const (
	NeedFiles Need = 1 << iota
	NeedState
	NeedNet
)

// Has reports whether the source can serve any of n.
func (s *Source) Has(n Need) bool {
	return n&NeedFiles != 0 && s.Files != nil || n&NeedState != 0 && s.State != nil || n&NeedNet != 0 && s.Net != nil
}

// Collector reads one aspect of a source; every probe is one too. An error it
// returns is a gap for all the parts it bears on, and the others go on.
type Collector interface {
	Name() string
	Needs() Need
	Parts() Parts // what is unknown when it cannot run
	Collect(ctx context.Context, src *Source, want *Interest, out Sink) error
}

// Sink takes what collectors find.
type Sink interface {
	// Lane opens a lane for one file or chunk, used by one goroutine. Lanes
	// are folded in the order of their refs, whatever order they close in.
	Lane(ref Ref) Lane
	// Cover says where the collector looked. Safe for concurrent use.
	Cover(Coverage)
}

// Planner is a Sink that tells somebody how far the work is. Collectors that
// know their share say so; nothing depends on it. Safe for concurrent use.
type Planner interface {
	Plan(bytes int64) // so many bytes are going to be read
	Read(bytes int64) // so many of them were
}

// Lane takes the facts of one file or chunk, in order.
type Lane interface {
	// Observe takes one fact, borrowed until it returns. ctx bounds what is done
	// with its Content; its error is given back when it ends. A *ReadError means
	// its Content could not be read: the caller covers that.
	Observe(context.Context, *Observation) error
	// Events takes rows of one schema, borrowed until it returns.
	Events(*EventBatch) error
	Close() error
}

// Keeper is a Sink that keeps what logs gave, so that work that was broken off
// can go on. Safe for concurrent use.
type Keeper interface {
	Sink
	// Kept gives one log. It is asked for once, and used by one goroutine.
	Kept(Name) Kept
}

// Kept is one log of a Keeper, which is read in pieces.
type Kept interface {
	// State is how far an earlier run came, as it told Keep; nil: nowhere. whole
	// says that it read all of the log.
	State() (state []byte, whole bool)
	// TakeOver gives the Keeper's Sink all that was kept of the log, which is then
	// read on from State. After an error it was given nothing, and the log is read
	// from its beginning; so it is where TakeOver is not called.
	TakeOver() error
	// Sink is that of the piece in hand.
	Sink() Sink
	// Keep gives what the piece in hand saw to the Keeper's Sink, and keeps it if
	// state, which says how far the log was read, is not nil. It returns the sink
	// of the next piece.
	Keep(state []byte, whole bool) Sink
}
