// Package evidence is the vocabulary every room of Postern speaks: what was
// opened (Source), what was seen (Observation, Event, Installation), what was
// not (Coverage with Missed set), and where to look again (Ref).
//
// It does no I/O of its own and imports the standard library only. The law of
// the house lives here as a type: whatever was in scope and not fully read is a
// Coverage with a Reason, and a gap makes an answer unknown.
package evidence
