package evtx

import (
	"bytes"
	"strings"
	"testing"

	"postern/evidence"
)

// left puts a record behind those in use.
func left(chunk []byte, id, written uint64, body func(at int) []byte) []byte {
	text := body(len(chunk) + recordHeader)
	size := uint32(recordHeader + len(text) + 4)
	chunk = le.AppendUint32(append(chunk, recMagic...), size)
	chunk = le.AppendUint64(le.AppendUint64(chunk, id), written)
	return le.AppendUint32(append(chunk, text...), size)
}

// TestRecover: records of an earlier use of a chunk are given when asked for,
// marked, once, and count for nothing; those that refer to what was written over
// are counted.
func TestRecover(t *testing.T) {
	one := event("Security", "1", el("EventData", data("X", txt("y"))))
	chunk := chunkOf(10, one)
	chunk = append(chunk, "rest of a record\x00"...)
	chunk = left(chunk, 5, start, event("Security", "1102"))
	chunk = left(chunk, 5, start, event("Security", "1102")) // the same
	chunk = left(chunk, 10, start, one)                      // in use
	chunk = left(chunk, 10, start-1e7*3600, one)             // of before the log was cleared
	chunk = left(chunk, 6, start, func(at int) []byte {      // its template was at another place
		b := one(at)
		le.PutUint32(b[10:], uint32(chunkHeader+recordHeader))
		return b
	})
	chunk = left(chunk, 7, 77, one) // no time
	for _, id := range []uint64{8, 10} {
		chunk = left(chunk, id, start, one)
		copy(chunk[len(chunk)-8:], "AAAAAAAA") // its end was written over; of 10, which is in use, nothing is lost
	}
	chunk = append(chunk, recMagic...)
	unused := left(make([]byte, chunkHeader+8), 5, start, event("Security", "1102"))

	f := func(what string, recover bool, file []byte, want string, recovered, over int64) {
		t.Helper()
		var got []string
		res, err := Read(t.Context(), bytes.NewReader(file), Options{Recover: recover}, func(b *evidence.EventBatch) error {
			for _, e := range b.Events {
				word := string(e.Values[e.Index("EventID")])
				if e.Recovered {
					word += " recovered"
				}
				got = append(got, word)
			}
			return nil
		})
		if err != nil || strings.Join(got, ", ") != want || res.Recovered != recovered || res.Overwritten != over {
			t.Errorf("%s: %q, %+v, %v", what, got, res, err)
		}
		if res.Records != 1 || res.Holes() != 0 || res.Lost != 0 || res.Clears.Others.Count+res.Clears.Asked.Count != 0 || !res.From.Equal(res.To) {
			t.Errorf("%s: they count: %+v", what, res)
		}
	}
	f("not asked for", false, fileOf(chunk), "1", 0, 0)
	f("asked for", true, fileOf(chunk), "1, 1102 recovered, 1 recovered", 2, 2)
	f("in a chunk that is not in use", true, fileOf(chunkOf(10, one), unused), "1, 1102 recovered", 1, 0)
}
