package eventlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/eventlog/peers"
	"postern/evidence"
)

// told is all that reading a log tells, events in the order of the log.
func told(t testing.TB, in Input) string {
	t.Helper()
	return read(t, in).told()
}

func (s *sink) told() string {
	slices.SortStableFunc(s.events, func(a, b kept) int { return cmp.Compare(a.Ref.At, b.Ref.At) })
	var all strings.Builder
	for _, e := range s.events {
		fmt.Fprintf(&all, "%+v %v %v %+v %q %s\n", e.Ref, e.Time, e.Fields, e.Source, e.Raw, fmt.Sprint(e.Verbatim, e.fields))
	}
	for _, r := range s.rows {
		missed, peers := r.Missed, r.Peers
		r.Missed, r.Peers = nil, nil
		fmt.Fprintf(&all, "%+v %v %+v\n", r, missed, peers)
	}
	return all.String()
}

// apart reads a log with workers, in blocks of a size, and demands what one
// goroutine reads in one block.
func apart(t testing.TB, in Input, workers, block int) {
	t.Helper()
	want := told(t, in)
	in.Block = block
	in.Workers = NewWorkers(workers)
	<-in.Workers.free // the caller's
	got := told(t, in)
	if len(in.Workers.free) != workers-1 {
		t.Fatalf("%s: %d of %d workers came back", in.Name, len(in.Workers.free)+1, workers)
	}
	if got != want {
		t.Fatalf("%s: %d workers, blocks of %d bytes:\n%s", in.Name, workers, block, firstDifference(got, want))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("entry %d of %d and %d\ngot  %s\nwant %s", i, len(g), len(w), g[i], w[i])
		}
	}
	return fmt.Sprintf("%d entries, want %d", len(g), len(w))
}

// everyCorpusLog calls f with each text log of the corpora that one of the
// layouts may read.
func everyCorpusLog(t *testing.T, f func(name, content string)) {
	t.Helper()
	for _, folder := range []string{"iis", "access/apache", "access/nginx-json", "smartermail/Logs"} {
		found, err := filepath.Glob(filepath.Join("../../shared/corpora", folder, "*"))
		if err != nil || len(found) == 0 {
			t.Skip("corpora are not here: ", folder)
		}
		for _, path := range found {
			if data, err := os.ReadFile(path); err == nil && !bytes.HasPrefix(data, []byte("#!")) {
				f(filepath.Base(path), string(data))
			}
		}
	}
}

// TestReadApart: how many workers read a log, and in what blocks, changes nothing
// of what is read.
func TestReadApart(t *testing.T) {
	f := func(format *evidence.LogFormat, name, content string) {
		t.Helper()
		for _, s := range []struct{ workers, block int }{{1, 900}, {2, 3000}, {3, 700}, {8, 2000}, {5, 40_000}} {
			in := text(name, content)
			in.Format = format
			apart(t, in, s.workers, s.block)
		}
	}
	t.Run("corpora", func(t *testing.T) {
		everyCorpusLog(t, func(name, content string) {
			for len(content) < 20_000 {
				content += content
			}
			content = content[:min(len(content), 60_000)]
			f(nil, name, content)
			f(layout("ncsa"), name, content)
			f(layout("json"), name, content)
		})
	})
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		f(layout("w3c"), "w3c", mixed(random, w3cPieces()))
		access := layout("ncsa")
		access.Low, access.Serves = regexp.MustCompile(`\[error\]`), regexp.MustCompile(`^/never`)
		f(access, "ncsa", mixed(random, accessPieces))
		f(layout("json"), "json", mixed(random, jsonPieces))
		f(layout("journal"), "journal", "{\"MESSAGE\":\"a\",\"SYSLOG_IDENTIFIER\":\"b\"}\n"+mixed(random, journalPieces))
	}
}

// mixed strings pieces together, most of the time the first one.
func mixed(random *rand.Rand, piece func(*rand.Rand, int, time.Time) string) string {
	var b strings.Builder
	at := time.Date(2026, 1, 17, 10, 0, 0, 0, time.UTC)
	for range 400 {
		kind := 0
		if random.IntN(25) == 0 {
			kind = random.IntN(14)
		}
		switch at = at.Add(time.Duration(random.IntN(40)) * time.Second); random.IntN(150) {
		case 0:
			at = at.Add(-90 * time.Minute)
		case 1:
			at = at.Add(17 * time.Hour)
		}
		b.WriteString(piece(random, kind, at))
	}
	if random.IntN(2) == 0 {
		return b.String()[:b.Len()-random.IntN(30)]
	}
	return b.String()
}

// w3cPieces gives rows that mostly are as the last #Fields says.
func w3cPieces() func(random *rand.Rand, kind int, at time.Time) string {
	stamp := time.DateTime
	return func(random *rand.Rand, kind int, at time.Time) string {
		switch kind {
		case 1:
			stamp = time.DateTime
			return "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status\n"
		case 2:
			stamp = time.TimeOnly
			return "#Fields: time c-ip cs-method cs-uri-stem cs-uri-query sc-status\n"
		case 3:
			return fmt.Sprintf("#Fields: date time c-ip x-%d cs-method cs-uri-stem cs-uri-query sc-status\n", random.IntN(200))
		case 4:
			return "#Date: " + at.Format(time.DateTime) + "\n"
		case 5:
			return "#Date: never\n"
		case 6:
			return "\n\r\n"
		case 7:
			return "\x00\x00\x00#Fields: date time c-ip\n"
		case 8:
			return "#Fields: c-ip cs-method cs-uri-stem sc-status\n"
		case 9:
			return at.Format("2006-01-02 15:04:05") + " 192.0.2.1 GET /" + strings.Repeat("a", maxLine-500+random.IntN(2)*1000) + " - 200\n"
		case 10:
			return at.Format("2006-01-02 15:04:05") + " 192.0.2.1\n"
		case 11:
			return at.Format("2006-01-02 15:04:05") + " 192.0.2.1 GET /a - 200 more\r\n"
		case 12:
			return at.Format("2006-13-02 15:04:05") + " 192.0.2.1 GET /a - 200\n"
		case 13:
			return strings.Repeat("#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status\n", 1+random.IntN(3))
		}
		return fmt.Sprintf("%s %s GET /api/v1/mail/%d a=%d 200\n", at.Format(stamp), somebody(random, 250), random.IntN(9), random.IntN(9))
	}
}

func accessPieces(random *rand.Rand, kind int, at time.Time) string {
	switch kind {
	case 1:
		return "no line of an access log\n"
	case 2:
		return at.Format("2006/01/02 15:04:05") + " [error] 7#7: *1 open() failed, client: 192.0.2.1, server: x\n"
	case 3:
		return "\x00\x00\x00\n"
	case 4:
		return "\n"
	case 5:
		return "192.0.2.7 - - [" + at.Format("02/Jan/2006:15:04:05 -0700") + "] \"GET /" + strings.Repeat("b", maxLine) + "\" 200 5\n"
	}
	return fmt.Sprintf("%s - - [%s] \"GET /api/v1/mail/%d HTTP/1.1\" %d 5 \"-\" \"x\\\"y\"\n", somebody(random, 250), at.Format("02/Jan/2006:15:04:05 -0700"), random.IntN(9), 200+random.IntN(2)*204)
}

func jsonPieces(random *rand.Rand, kind int, at time.Time) string {
	stamp := at.Format(time.RFC3339)
	switch kind {
	case 1, 2, 3, 4:
		return fmt.Sprintf("{\"time\":%q,\"remote_addr\":\"192.0.2.1\",\"k%d\":\"\\u0041\",\"status\":200}\n", stamp, random.IntN(300))
	case 5:
		return "{\n"
	case 6:
		return "\n\x00\n"
	case 7:
		return strings.TrimSuffix(fmt.Sprintf("{\"time\":%q,\"remote_addr\":\"192.0.2.1\"}\n", at.Format("2006-01-02T15:04:05")), "")
	}
	if random.IntN(12) == 0 {
		return fmt.Sprintf("{\"time\":%q,\"request\":\"GET /api/v1/mail HTTP/1.1\",\"q%d\":1}\n", stamp, random.IntN(160))
	}
	return fmt.Sprintf("{\"time\":%q,\"remote_addr\":%q,\"request\":\"GET /api/v1/mail HTTP/1.1\",\"status\":%d}\n", stamp, somebody(random, 7), random.IntN(600))
}

// somebody is an address: of the machine, of an inner network, or one of some
// public ones.
func somebody(random *rand.Rand, public int) string {
	switch random.IntN(4) {
	case 0:
		return fmt.Sprintf("10.0.0.%d", random.IntN(40))
	case 1:
		return "127.0.0.1"
	}
	return fmt.Sprintf("192.0.2.%d", random.IntN(public))
}

func journalPieces(random *rand.Rand, kind int, at time.Time) string {
	switch kind {
	case 1:
		return fmt.Sprintf("{\"__REALTIME_TIMESTAMP\":\"%d\",\"MESSAGE\":null}\n", at.UnixMicro())
	case 2:
		return "{\"MESSAGE\":[104,105]}\n"
	case 3:
		return "nothing\n"
	}
	return fmt.Sprintf("{\"__REALTIME_TIMESTAMP\":\"%d\",\"MESSAGE\":\"login from 192.0.2.%d\",\"SYSLOG_IDENTIFIER\":\"sshd%d\"}\n", at.UnixMicro(), random.IntN(250), random.IntN(6))
}

// TestClockAfterDates: lines without a date are of the day that the last date
// column said, whoever read it.
func TestClockAfterDates(t *testing.T) {
	for rows := range 20 { // with one of these numbers the directive begins a block
		in := text("w3c", "#Fields: date time c-ip\n"+strings.Repeat("2026-01-17 10:00:00 192.0.2.1\n", 50)+
			strings.Repeat("2026-01-19 10:00:00 192.0.2.1\n", 50+rows)+"#Fields: time c-ip\n"+strings.Repeat("11:00:00 192.0.2.1\n", 50))
		in.Format, in.Workers, in.Block = layout("w3c"), NewWorkers(1), 300
		s := read(t, in)
		for _, e := range s.events {
			if got := e.Time.Format(time.DateTime); e.Ref.At > 110+int64(rows) && got != "2026-01-19 11:00:00" {
				t.Fatalf("%d rows, line %d: %s", rows, e.Ref.At, got)
			}
		}
	}
}

// TestTakenUpAnywhere: a log that is left and taken up at every place where that
// was kept gives, piece by piece, what it gives at once.
func TestTakenUpAnywhere(t *testing.T) {
	pieces := 0
	f := func(format *evidence.LogFormat, name, content string) {
		t.Helper()
		in := text(name, content)
		in.Format, in.ModTime = format, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		want := told(t, in)
		in.Block, in.Workers = 2000, NewWorkers(2)
		pieces += piecewise(t, in, want)
	}
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 2))
		f(layout("w3c"), "w3c", mixed(random, w3cPieces()))
		f(layout("ncsa"), "ncsa", mixed(random, accessPieces))
		f(layout("json"), "json", mixed(random, jsonPieces))
		f(layout("journal"), "journal", "{\"MESSAGE\":\"a\"}\n"+mixed(random, journalPieces))
		f(layout("syslog"), "syslog", mixed(random, syslogPieces))
		f(nil, "2026.01.17-administrative.log", mixed(random, formPieces))
	}
	if pieces < 100 {
		t.Errorf("only %d pieces", pieces)
	}
}

// piecewise reads a log anew from every place that was kept, and lets what came
// before and what comes behind be together what is wanted.
func piecewise(t *testing.T, in Input, want string) (pieces int) {
	t.Helper()
	in.section = 700
	if in.Formats == nil {
		in.Formats = formats()
	}
	var state []byte
	var events []kept
	for {
		next, whole := []byte(nil), false
		first, other := &sink{}, &sink{}
		in.From = state
		in.Keep = func(state []byte, all bool) evidence.Sink {
			if next == nil {
				next, whole = state, all
			}
			return other // what follows is read anew from there
		}
		if err := Read(context.Background(), in, first); err != nil {
			t.Fatal(err)
		}
		if found, err := Check(context.Background(), in.File, next); err != nil || found != Same {
			t.Fatalf("%d, %v", found, err)
		}
		pieces++
		if events = append(events, first.events...); whole {
			s := &sink{events: events, rows: first.rows}
			if got := s.told(); got != want {
				t.Fatalf("%s:\n%s", in.Name, firstDifference(got, want))
			}
			return pieces
		}
		state = next
	}
}

func syslogPieces(random *rand.Rand, kind int, at time.Time) string {
	switch kind {
	case 1:
		return "<13>1 " + at.Format(time.RFC3339) + " host app 1 - - hello\n"
	case 2:
		return "nothing\n"
	}
	return fmt.Sprintf("%s host sshd[%d]: Accepted password from 192.0.2.%d port 1\n", at.AddDate(0, -1, 0).Format(time.Stamp), random.IntN(999), random.IntN(250))
}

func formPieces(random *rand.Rand, kind int, at time.Time) string {
	switch kind {
	case 1, 2, 3:
		return "   continued " + strings.Repeat("x", random.IntN(3000)) + "\n"
	case 4:
		return "\n"
	case 5:
		return "\x00\x00\x00\n"
	case 6:
		return at.Format(time.TimeOnly) + " " + strings.Repeat("long", maxLine/4+random.IntN(3)-1) + "\n"
	}
	return fmt.Sprintf("%s [192.0.2.%d] login %d\n", at.Format(time.TimeOnly), random.IntN(250), random.IntN(9))
}

// TestPointsAreWhole: what is counted of a log, and what its parsers know behind a
// line, is the same after keep and restore. Who adds a field to one of these has to
// say what becomes of it.
func TestPointsAreWhole(t *testing.T) {
	low, serves := regexp.MustCompile("low"), regexp.MustCompile("serves")
	var was, is tally
	fill(&was, "low serves apart times")
	is.low, is.serves, was.low = low, serves, low
	p := through(t, was.keep)
	if err := is.restore(p); err != nil {
		t.Fatal(err)
	}
	if got, want := is.peers.State(), was.peers.State(); !reflect.DeepEqual(got, want) {
		t.Errorf("peers: %+v, want %+v", got, want)
	}
	same(t, &is, &was, "day hour peers apart times") // day and hour only spare work; apart and times are of forks

	var clock, again calendar
	fill(&clock, "zone read anew")
	again.restore(through(t, func(p *point) { p.Clock = clock.keep() }).Clock)
	same(t, &again, &clock, "zone read anew") // read and anew are of forks

	named := func(of reflect.Type, known string) {
		t.Helper()
		for field := range of.Fields() {
			if !slices.Contains(strings.Fields(known), field.Name) {
				t.Errorf("%s.%s is not kept", of, field.Name)
			}
		}
	}
	named(reflect.TypeFor[w3c](), "rows format cal shapes shape")
	named(reflect.TypeFor[forms](), "rows forms cont cal zone local trial open")
	named(reflect.TypeFor[single](), "rows cutter got local")
	named(reflect.TypeFor[export](), "rows journal got")
}

// through gives a point that was written and read.
func through(t *testing.T, keep func(*point)) *point {
	t.Helper()
	var p point
	keep(&p)
	text, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := decodePoint(text)
	if err != nil {
		t.Fatal(err)
	}
	return &read
}

// unexported gives an unexported field to read and to write.
func unexported(of any, i int) reflect.Value {
	f := reflect.ValueOf(of).Elem().Field(i)
	return reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem()
}

// fill gives every field of a struct but some a value of its own that is not zero.
func fill(of any, but string) {
	for i := range reflect.TypeOf(of).Elem().NumField() {
		if slices.Contains(strings.Fields(but), reflect.TypeOf(of).Elem().Field(i).Name) {
			continue
		}
		n := i + 1
		switch f := unexported(of, i).Addr().Interface().(type) {
		case *int64:
			*f = int64(n)
		case *int:
			*f = 1
		case *bool:
			*f = true
		case *[]byte:
			*f = fmt.Append(nil, n)
		case *time.Duration:
			*f = time.Duration(n)
		case *time.Time:
			*f = time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
		case *evidence.Day:
			*f = evidence.Day(n)
		case *map[evidence.Day]struct{}:
			*f = map[evidence.Day]struct{}{evidence.Day(n): {}}
		case *map[evidence.Day]uint32:
			*f = map[evidence.Day]uint32{evidence.Day(n): 1}
		case *peers.Count:
			if err := f.Restore(evidence.Peers{Requests: 9, Many: true, Few: []evidence.Peer{{Address: "10.0.0.1", Kind: evidence.InnerPeer, Requests: 5, Told: 3, Spoken: 2, Agents: 6}}}); err != nil {
				panic(err)
			}
		default:
			panic(fmt.Sprintf("no value for a %T", f))
		}
	}
}

// same demands that all fields but some are equal.
func same(t *testing.T, got, want any, but string) {
	t.Helper()
	for i := range reflect.TypeOf(got).Elem().NumField() {
		name := reflect.TypeOf(got).Elem().Field(i).Name
		if slices.Contains(strings.Fields(but), name) {
			continue
		}
		if g, w := unexported(got, i).Interface(), unexported(want, i).Interface(); !reflect.DeepEqual(g, w) {
			t.Errorf("%T.%s is %v, want %v", got, name, g, w)
		}
	}
}

// TestTakenUpBehindACut: a row that was cut within a log is told of, wherever the
// log is taken up.
func TestTakenUpBehindACut(t *testing.T) {
	row := "2026-01-17 10:00:00 192.0.2.1 /a 200\n"
	in := text("w3c", "#Fields: date time c-ip cs-uri-stem sc-status\n"+strings.Repeat(row, 5)+"2026-01-17 10:00:00 192.0.2.1\x00\x00\x00\x00"+strings.Repeat(row, 200))
	in.Format = layout("w3c")
	want := told(t, in)
	in.Block = 2000
	if pieces := piecewise(t, in, want); pieces < 3 {
		t.Errorf("only %d pieces", pieces)
	}
}

// TestTakenUpJournal: a journal in JSON is one, whatever stands where it is taken up.
func TestTakenUpJournal(t *testing.T) {
	row := "{\"__REALTIME_TIMESTAMP\":\"1768640000000000\",\"MESSAGE\":\"a\",\"SYSLOG_IDENTIFIER\":\"b\"}\n"
	in := text("journal", row+strings.Repeat("nothing\n"+strings.Repeat(row, 5), 40))
	in.Format = layout("journal")
	want := told(t, in)
	for _, in.Block = range []int{900, 1000, 1300, 1500, 1700, 2000} {
		piecewise(t, in, want)
	}
	p := newExport(nil, nil)
	if err := p.restore(&point{}); !errors.Is(err, errPoint) {
		t.Errorf("an export taken up as JSON: %v", err)
	}
}

// TestPeersApart: who spoke to a server is the same whoever reads which block, and
// wherever the log is taken up: also of a public address that a record tells to be
// a proxy now and then, where many others speak.
func TestPeersApart(t *testing.T) {
	for _, public := range []int{3, 7, 200} {
		var log strings.Builder
		for i := range 600 {
			peer, client := "198.51.100.9", "198.51.100.9"
			switch i % 3 {
			case 0:
				peer = fmt.Sprintf("203.0.113.%d", i%public)
				client = peer
			case 1:
				client = "192.0.2.44"
			}
			fmt.Fprintf(&log, "{\"level\":\"info\",\"ts\":%d.5,\"msg\":\"handled request\",\"request\":{\"remote_ip\":%q,\"client_ip\":%q,\"method\":\"GET\",\"uri\":\"/a\",\"headers\":{\"User-Agent\":[\"x\"]}},\"status\":200}\n", 1768640000+i, peer, client)
		}
		in := text("json", log.String())
		in.Format = layout("json")
		peersOf := func(in Input) string { return fmt.Sprintf("%+v", *read(t, in).rows[0].Peers) }
		want := peersOf(in)
		for range 4 {
			for _, workers := range []int{1, 2, 4} {
				in := in
				in.Block, in.Workers = 3000, NewWorkers(workers)
				<-in.Workers.free
				if got := peersOf(in); got != want {
					t.Fatalf("%d workers:\ngot  %s\nwant %s", workers, got, want)
				}
			}
		}
		in.Block = 3000
		piecewise(t, in, told(t, in))
	}
}

// hostile gives logs whose readers keep something of their own.
func hostile() map[string]Input {
	random := rand.New(rand.NewPCG(3, 3))
	all := map[string]Input{}
	for name, content := range map[string]string{
		"w3c": w3cLog(50), "ncsa": mixed(random, accessPieces), "json": mixed(random, jsonPieces), "syslog": mixed(random, syslogPieces),
		"journal": "{\"MESSAGE\":\"a\"}\n" + mixed(random, journalPieces),
	} {
		if len(content) > 20_000 {
			content = content[:20_000]
		}
		in := text(name, content)
		in.Format, in.Formats, in.ModTime = layout(name), formats(), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		all[name] = in
	}
	return all
}

// TestHostileStates: whatever is said of how far a log was read, it is read on
// from there or refused.
func TestHostileStates(t *testing.T) {
	for name, in := range hostile() {
		var states [][]byte
		keeping := in
		keeping.Block, keeping.section = 1000, 2000
		keeping.Keep = func(state []byte, _ bool) evidence.Sink {
			states = append(states, state)
			return &sink{}
		}
		if err := Read(context.Background(), keeping, &sink{}); err != nil || len(states) < 3 {
			t.Fatal(name, len(states), err)
		}
		readOn := func(state []byte) error {
			in.From = state
			if _, err := Check(context.Background(), in.File, state); err != nil && !errors.Is(err, errPoint) {
				t.Fatal(name, err)
			}
			err := Read(context.Background(), in, &sink{})
			if err != nil && !errors.Is(err, errPoint) {
				t.Fatal(name, err)
			}
			return err
		}
		random := rand.New(rand.NewPCG(1, 1))
		for i := range 800 {
			state := bytes.Clone(states[i%len(states)])
			for range 1 + random.IntN(3) {
				state[random.IntN(len(state))] = byte(random.IntN(256))
			}
			_ = readOn(state) // refused or not
		}
		for what, change := range map[string]func(p *point){
			"a place before the first": func(p *point) { p.Cutter.Place = -1 },
			"a place that is none":     func(p *point) { p.Cutter.Place = 1 << 40 },
			"less than no lines":       func(p *point) { p.Cutter.Many, p.Cutter.Past = -1, -1 },
			"a month that is none":     func(p *point) { p.Cutter.Month = 13 },
			"keys of no line":          func(p *point) { p.Cutter.Shapes = []string{"a"} },
			"another kind of journal":  func(p *point) { p.Export = true },
			"a peer of no kind":        func(p *point) { p.Peers.Few = []evidence.Peer{{Kind: 77}} },
		} {
			p, err := decodePoint(states[0])
			if err != nil {
				t.Fatal(err)
			}
			change(&p)
			state, err := p.encode()
			if err != nil {
				t.Fatal(err)
			}
			if err := readOn(state); slices.Contains(refusedOf[name], what) != (err != nil) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// refusedOf says which states a reader of a layout refuses; others do not look at
// what is not theirs.
var refusedOf = map[string][]string{
	"w3c":     {"a peer of no kind"},
	"ncsa":    {"a peer of no kind", "a place before the first", "a place that is none", "another kind of journal"},
	"json":    {"a peer of no kind", "less than no lines", "keys of no line", "another kind of journal"},
	"syslog":  {"a peer of no kind", "less than no lines", "a month that is none", "another kind of journal"},
	"journal": {"a peer of no kind", "less than no lines"},
}
