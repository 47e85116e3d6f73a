package detect

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/ioc"
	"postern/pack"
)

// piecesEngine is an engine with rules of every kind about events, and pieceWork
// events for them, some with bytes that are no text.
func piecesEngine(t testing.TB) *Engine {
	var lists []*ioc.List
	for name, text := range map[string]string{
		"bad.txt": "192.0.2.0/27\n",
		"bad.json": `{"type":"bundle","id":"bundle--1","objects":[` +
			`{"type":"indicator","id":"indicator--1","name":"One of theirs","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z","pattern":"[ipv4-addr:value = '192.0.2.9']"},` +
			`{"type":"indicator","id":"indicator--2","name":"Another","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z","pattern":"[ipv4-addr:value = '192.0.2.8'] OR [ipv4-addr:value = '192.0.2.7']"}]}`,
	} {
		list, err := ioc.Read(name, strings.NewReader(text), ioc.Options{})
		if err != nil || len(list.Entries) == 0 {
			t.Fatal(err, list)
		}
		lists = append(lists, list)
	}
	slices.SortFunc(lists, func(a, b *ioc.List) int { return strings.Compare(a.Name, b.Name) })
	own := Own{Lists: lists, Sigma: []pack.TextFile{{File: "own.yml", Text: []byte("title: own\nid: own\nlogsource: {category: webserver}\ndetection:\n  s: {cs-nothing: x}\n  t: {cs-uri-stem|contains: reset}\n  condition: s or t\n")}}}
	e, _, err := Compile([]*pack.Pack{sequencePack(t)}, Options{Now: now, Own: own})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func pieceWork() (all []evidence.Event) {
	for n := range int64(90) {
		at := noon.Add(time.Duration(n%40) * time.Minute)
		reset := row(webSchema(), n+1, at, "POST", "/api/v1/auth/force-reset-password", "\xff\x00=", fmt.Sprintf("192.0.2.%d", n), "x", []string{"200", "400"}[n%2])
		reset.Ref.Path = "u_ex\xff.log"
		login := row(adminSchema(), n+1, at.Add(time.Second), "192.0.2.9", "Webmail Login successful: With user admin")
		login.Ref.Path = "administrative"
		start := row(adminSchema(), 1000+n, at.Add(time.Hour), "192.0.2.9", "SmarterMail service started")
		start.Ref.Path = "administrative"
		undated := row(webSchema(), n+500, time.Time{}, "POST", "/api/v1/auth/force-reset-password", "-", "192.0.2.200", "x", "200")
		all = append(all, reset, login, start, undated)
	}
	return all
}

// TestPieces: what is seen in pieces, in whatever order they come and through
// whatever process, is what is seen at once.
func TestPieces(t *testing.T) {
	e := piecesEngine(t)
	work := pieceWork()
	x := e.Begin(windows())
	feed(t, x, work...)
	want := x.Result(now)
	for _, rule := range []string{"taken", "reset", "bad.txt:peers", "bad.json:peers", "own"} {
		if finding(want, rule) == nil {
			t.Errorf("no finding of %s", rule)
		}
	}
	for round := range 6 {
		rand.New(rand.NewPCG(uint64(round), 2)).Shuffle(len(work), func(i, j int) { work[i], work[j] = work[j], work[i] })
		x := e.Begin(windows())
		n := 0
		for part := range slices.Chunk(work, 37) {
			piece := x.Piece()
			feed(t, piece, part...)
			if n++; n%3 == 0 {
				x.Fold(piece)
				continue
			}
			exported, err := piece.Export()
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Import(exported); err != nil {
				t.Fatal(err)
			}
		}
		if got := x.Result(now); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d differs:\n%s\n%s\n%+v\n%+v", round, summary(got), summary(want), got.Coverage, want.Coverage)
		}
	}
}

// TestImportRefuses: a piece of other rules is an error, and nothing of it is
// taken.
func TestImportRefuses(t *testing.T) {
	x := piecesEngine(t).Begin(windows())
	piece := x.Piece()
	feed(t, piece, pieceWork()...)
	exported, err := piece.Export()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(exported, []byte("indicator--2")) {
		t.Error("what a list says of an entry is not in it")
	}
	other := begin(t)
	before := summary(begin(t).Result(now))
	for _, bad := range [][]byte{exported, exported[:len(exported)/2], nil, []byte("x")} {
		if err := other.Import(bad); !errors.Is(err, errPiece) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	if after := summary(other.Result(now)); after != before {
		t.Errorf("something was taken: %s", after)
	}
}

// FuzzImport: whatever a piece is said to have seen, it is taken or refused.
func FuzzImport(f *testing.F) {
	e := piecesEngine(f)
	piece := e.Begin(windows()).Piece()
	feed(f, piece, pieceWork()[:40]...)
	exported, err := piece.Export()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(exported)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, exported []byte) {
		x := e.Begin(windows())
		if err := x.Import(exported); err != nil {
			if !errors.Is(err, errPiece) {
				t.Fatal(err)
			}
			return
		}
		again, err := x.Piece().Export()
		if err != nil || len(again) == 0 {
			t.Fatal(err)
		}
		x.Result(now)
	})
}

// TestPiecesAreWhole: who adds a field to Examination has to say in Piece, Fold,
// Export and Import what becomes of it.
func TestPiecesAreWhole(t *testing.T) {
	known := []string{
		"engine", "os", "files", "partial", "mu", "tally", "steps", "starts", "ages", "installs", "cover", "blind", "ownBlind", "vouched", "services",
		"watch",   // nobody watches pieces
		"ungated", // for tests alone
		"sums",    // rows that add up are a collector's, and go past pieces
	}
	for f := range reflect.TypeFor[Examination]().Fields() {
		if !slices.Contains(known, f.Name) {
			t.Errorf("%s is not part of a piece", f.Name)
		}
	}
}

// TestHostilePieces: a piece with some bytes changed is taken or refused.
func TestHostilePieces(t *testing.T) {
	e := piecesEngine(t)
	piece := e.Begin(windows()).Piece()
	feed(t, piece, pieceWork()[:40]...)
	exported, err := piece.Export()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		bad := bytes.Clone(exported)
		for range 1 + random.IntN(3) {
			bad[random.IntN(len(bad))] = byte(random.IntN(256))
		}
		x := e.Begin(windows())
		if err := x.Import(bad); err == nil {
			x.Result(now)
		} else if !errors.Is(err, errPiece) {
			t.Fatal(err)
		}
	}
}
