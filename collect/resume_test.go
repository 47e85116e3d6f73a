package collect

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

// keeper is an evidence.Keeper whose Sink holds only what is read.
type keeper struct {
	*evidencetest.Sink
	mu    sync.Mutex
	state []byte // of the only log
	whole bool
	taken bool
}

func (k *keeper) Kept(evidence.Name) evidence.Kept { return keptLog{k} }

type keptLog struct{ k *keeper }

func (l keptLog) State() ([]byte, bool) { return l.k.state, l.k.whole }
func (l keptLog) Sink() evidence.Sink   { return l.k.Sink }
func (l keptLog) TakeOver() error       { l.k.taken = true; return nil }
func (l keptLog) Keep(state []byte, whole bool) evidence.Sink {
	if l.k.mu.Lock(); state != nil {
		l.k.state, l.k.whole = state, whole
	}
	l.k.mu.Unlock()
	return l.k.Sink
}

// TestReadOn: what an earlier run read whole is taken over only if a run now would
// read the same; else all of it is read, and what is lost is a gap.
func TestReadOn(t *testing.T) {
	line := []byte("Jan 17 10:00:00 host sshd[1]: Accepted password from 192.0.2.7 port 1\n")
	first := bytes.Repeat(line, 3)
	written := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	want := &evidence.Interest{Logs: []evidence.LogFormat{{
		ID: "system", Family: "system", Layout: "syslog", Zone: evidence.ZoneHost, Parts: evidence.CompromisedThen,
		Names: []*regexp.Regexp{regexp.MustCompile(`^auth\.log$`)}, Sniff: regexp.MustCompile(`sshd`),
	}}}
	read := func(state []byte, text []byte, written time.Time) *keeper {
		k := &keeper{Sink: &evidencetest.Sink{}, state: state, whole: state != nil}
		src := &evidence.Source{Kind: evidence.KindLogs, ID: evidence.Identity{Zone: time.UTC}, Files: tree{"auth.log": {Data: text, ModTime: written}}}
		if err := collector("logs").Collect(t.Context(), src, want, k); err != nil {
			t.Fatal(err)
		}
		return k
	}
	begun := read(nil, first, written)
	if len(begun.Events) != 3 || !begun.whole || len(begun.Gaps()) != 0 {
		t.Fatalf("%d events, whole %v, gaps %+v", len(begun.Events), begun.whole, begun.Gaps())
	}
	other := bytes.Replace(first, []byte("192.0.2.7"), []byte("192.0.2.8"), 1)
	for name, c := range map[string]struct {
		text    []byte
		written time.Time
		events  int
		gaps    string
	}{
		"as it was":        {first, written, 0, "[]"},
		"grown":            {append(slices.Clone(first), line...), written, 4, "[]"},
		"grown and later":  {append(slices.Clone(first), line...), written.Add(time.Hour), 4, "[]"},
		"of another year":  {first, written.AddDate(-1, 0, 0), 3, "[]"},
		"another text":     {other, written, 3, "[" + string(evidence.Ambiguous) + "]"},
		"shorter, a later": {first[:2*len(line)], written.Add(time.Hour), 2, "[" + string(evidence.Truncated) + "]"},
	} {
		k := read(begun.state, c.text, c.written)
		gaps := []evidence.Reason{}
		for _, g := range k.Gaps() {
			gaps = append(gaps, g.Missed.Reason)
		}
		if len(k.Events) != c.events || fmt.Sprint(gaps) != c.gaps || k.taken != (c.events == 0) {
			t.Errorf("%s: %d events, gaps %v, taken over %v", name, len(k.Events), gaps, k.taken)
		}
		if c.events > 0 && !k.Events[0].Time.Equal(time.Date(c.written.Year(), 1, 17, 10, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: it is dated %v", name, k.Events[0].Time)
		}
	}
}
