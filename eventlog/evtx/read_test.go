package evtx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
)

// lines renders the events of a file, one each: the record's id and its fields.
func lines(t *testing.T, file []byte, opt Options) (all []string, got *Result) {
	t.Helper()
	got, err := Read(t.Context(), bytes.NewReader(file), opt, func(b *evidence.EventBatch) error {
		for _, e := range b.Events {
			line := fmt.Sprint(e.Ref.At)
			for i, f := range e.Fields {
				if e.Values[i] != nil {
					line += fmt.Sprintf(" %s=%q", f, e.Values[i])
				}
			}
			all = append(all, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, got
}

const system = ` Provider_Name="Test" EventID="1" Channel="Security" Computer="HOST"`

// TestNames: what fields are called and how their text comes together.
func TestNames(t *testing.T) {
	f := func(what, want string, more ...node) {
		t.Helper()
		got, _ := lines(t, fileOf(chunkOf(7, event("Security", "1", more...))), Options{})
		if want = "7" + system + want; len(got) != 1 || got[0] != want {
			t.Errorf("%s:\n got %q\nwant %q", what, got, want)
		}
	}
	f("named data", ` User="a" Image="b"`, el("EventData", data("User", txt("a")), data("Image", txt("b"))))
	f("unnamed data", ` Data="a\nb" Binary="00"`, el("EventData", el("Data", txt("a")), el("Data", txt("b")), el("Binary", txt("00"))))
	f("data of one name", ` X="a\nb"`, el("EventData", data("X", txt("a")), data("X", txt("b"))))
	f("empty data", ` X=""`, el("EventData", node{name: "Data", attrs: [][2]string{{"Name", "X"}}}))
	f("no value", ` Y="b"`, el("EventData", data("X", val(3)), data("Y", txt("b"))))
	f("a name that System has", ` EventData_Channel="x"`, el("EventData", data("Channel", txt("x"))))
	f("user data", ` Cleared_Kind="c" SubjectUserName="a" Deep="b"`, el("UserData", node{name: "Cleared", attrs: [][2]string{{"xmlns", "urn:x"}, {"Kind", "c"}},
		children: []node{el("SubjectUserName", txt("a")), el("More", el("Deep", txt("b")))}}))
	f("rendered", ` Message="m" RenderingInfo_Channel="n"`, el("RenderingInfo", el("Message", txt("m")), el("Channel", txt("n"))))
}

// TestNested: the data of an event are mostly a fragment of its own, with a
// template or without one.
func TestNested(t *testing.T) {
	outer := el("Event", el("System", el("EventID", val(0)), el("Channel", val(1))), val(2))
	f := func(what string, inner func(at int) []byte, want string) {
		t.Helper()
		record := func(at int) []byte {
			id := raw{kindUint16, []byte{1, 0}}
			before := len(instance(at, outer, id, str("Security"), raw{kindXML, nil})) - 1
			return instance(at, outer, id, str("Security"), raw{kindXML, inner(at + before)})
		}
		got, res := lines(t, fileOf(chunkOf(1, record)), Options{})
		if want = `1 EventID="1" Channel="Security"` + want; len(got) != 1 || got[0] != want || res.Damaged != 0 {
			t.Errorf("%s:\n got %q %v\nwant %q", what, got, res.Damage, want)
		}
	}
	body := el("EventData", data("A", val(0)), data("B", val(1)))
	f("a template", func(at int) []byte { return instance(at, body, str("x"), raw{kindUint32, []byte{9, 0, 0, 0}}) }, ` A="x" B="9"`)
	f("fewer values than places", func(at int) []byte { return instance(at, body, str("x")) }, ` A="x"`)
	plain := el("EventData", data("A", txt("x")), data("B", txt("y")))
	f("no template", func(at int) []byte { return inline(at, plain, false) }, ` A="x" B="y"`)
	f("no template, with identifiers", func(at int) []byte { return inline(at, plain, true) }, ` A="x" B="y"`)
	f("nothing", func(int) []byte { return nil }, "")
}

// TestShapes: records that differ in values alone share a schema.
func TestShapes(t *testing.T) {
	var records []func(int) []byte
	for i := range 50 {
		records = append(records, func(at int) []byte {
			return inline(at, el("Event", el("System", el("EventID", txt(fmt.Sprint(i))), node{name: "TimeCreated", attrs: [][2]string{{"SystemTime", fmt.Sprint(i)}}})), true)
		})
	}
	schemas := map[*evidence.Schema]int{}
	_, err := Read(t.Context(), bytes.NewReader(fileOf(chunkOf(1, records...))), Options{}, func(b *evidence.EventBatch) error {
		schemas[b.Schema] += len(b.Events)
		return nil
	})
	if err != nil || len(schemas) != 1 {
		t.Errorf("%v, %v", schemas, err)
	}
}

// TestDamage: what can be read is, and what cannot is counted.
func TestDamage(t *testing.T) {
	one := event("Security", "1", el("EventData", data("X", txt("y"))))
	whole := func() []byte { return chunkOf(1, one, one, one) }
	size := int(le.Uint32(whole()[chunkHeader+4:]))
	f := func(what string, chunk []byte, records, lost int64, why string) {
		t.Helper()
		got, res := lines(t, fileOf(chunk), Options{})
		if int64(len(got)) != records || res.Records != records || res.Lost != lost || (why == "") != (res.Damaged == 0) || !strings.Contains(fmt.Sprint(res.Damage), why) {
			t.Errorf("%s: %d records, %d lost, %v", what, res.Records, res.Lost, res.Damage)
		}
	}
	with := func(change func(c []byte)) []byte { c := whole(); change(c); return c }
	f("sound", whole(), 3, 0, "")
	f("records changed", with(func(c []byte) { c[len(c)-1]++ }), 3, 0, "records do not fit")
	f("header changed", with(func(c []byte) { c[100]++ }), 3, 0, "header does not fit")
	f("no magic", with(func(c []byte) { c[0] = 0 }), 3, 0, "does not begin as one")
	f("the second has no magic", with(func(c []byte) { c[chunkHeader+size] = 0; sum(c) }), 2, 1, "does not begin as one")
	f("the second has no size", with(func(c []byte) { le.PutUint32(c[chunkHeader+size+4:], 0); sum(c) }), 2, 1, "a size of 0")
	f("the second is huge", with(func(c []byte) { le.PutUint32(c[chunkHeader+size+4:], 1<<31); sum(c) }), 2, 1, "a size of")
	f("the second is no Binary XML", with(func(c []byte) { c[chunkHeader+size+recordHeader] = 0x3f; sum(c) }), 2, 1, "unknown token")
	f("cut", whole()[:chunkHeader+2*size+5], 2, 1, "ends within the chunk")
	f("fewer than promised", with(func(c []byte) { le.PutUint64(c[16:], 5); le.PutUint64(c[32:], 5); sum(c) }), 3, 2, "fewer records")
	f("a stale header", with(func(c []byte) { // of a chunk that was being written
		le.PutUint64(c[16:], 1)
		le.PutUint32(c[48:], uint32(chunkHeader+size))
		sum(c)
	}), 3, 0, "")
	f("unused", make([]byte, chunkSize), 0, 0, "")
	f("noise", bytes.Repeat([]byte{1, 2, 3}, 1000), 0, 1, "does not begin as one")

	long := fileOf(whole(), whole())
	le.PutUint16(long[42:], 3)
	if _, res := lines(t, long, Options{}); !strings.Contains(fmt.Sprint(res.Damage), "2 of 3 chunks") || !res.Damage[1].Truncated {
		t.Errorf("a chunk is missing: %v", res.Damage)
	}
	if _, res := lines(t, []byte("ElfFile\x00"), Options{}); res.Damaged != 1 || !res.Damage[0].Truncated {
		t.Errorf("no header: %v", res.Damage)
	}
}

// TestResult: times, ids, channels and clearings.
func TestResult(t *testing.T) {
	from := time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)
	file := fileOf(chunkOf(20, event("Security", "1"), event("Security", "1102")), chunkOf(10, event("System", "104"), event("System", "1102")))
	file[120] = flagDirty | flagFull
	got, res := lines(t, file, Options{Review: evidence.Period{From: from.Add(time.Second)}})
	if len(got) != 2 || res.Records != 4 || !res.From.Equal(from) || !res.To.Equal(from.Add(time.Second)) || !res.Dirty || !res.Full {
		t.Errorf("%q %+v", got, res)
	}
	if want := []IDs{{10, 11}, {20, 21}}; !slices.Equal(res.IDs, want) || res.Holes() != 8 {
		t.Errorf("ids %v, %d holes", res.IDs, res.Holes())
	}
	if !slices.Equal(res.Channels, []string{"Security", "System"}) || len(res.Days) != 1 || res.Days[0] != evidence.DayOf(from) {
		t.Errorf("channels %q, days %v", res.Channels, res.Days)
	}
	if len(res.Clears.Asked.First) != 2 || res.Clears.Asked.First[0].Record != 21 || res.Clears.Asked.Last.Record != 10 || res.Clears.Others.Count > 0 {
		t.Errorf("clears %+v", res.Clears)
	}
	if want := []evidence.Host{{Name: "HOST", From: from, To: from.Add(time.Second)}}; !slices.Equal(res.Hosts, want) {
		t.Errorf("hosts %v", res.Hosts)
	}
	var many []func(int) []byte
	for range 120 {
		many = append(many, event("System", "104"))
	}
	_, res = lines(t, fileOf(chunkOf(1, many...)), Options{Required: evidence.Period{From: from.Add(10 * time.Second)}})
	if c := res.Clears.Asked; c.Count != 110 || len(c.First) != mostClears || c.First[0].Record != 11 || c.Last.Record != 120 || res.Clears.Others.Count != 10 || res.Clears.Others.Last.Record != 10 {
		t.Errorf("many clears: %+v", res.Clears)
	}
}

// TestEnds: a context and a lane end the reading, a file that cannot be read is
// said.
func TestEnds(t *testing.T) {
	file := fileOf(chunkOf(1, event("Security", "1")))
	refused := errors.New("refused")
	if _, err := Read(t.Context(), bytes.NewReader(file), Options{}, func(*evidence.EventBatch) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, bytes.NewReader(file), Options{}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	broken := errors.New("bad sector")
	if res, err := Read(t.Context(), &failing{file[:fileHeader], broken}, Options{}, nil); err != nil || !errors.Is(res.Err, broken) {
		t.Error(res, err)
	}
}

type failing struct {
	b   []byte
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	if len(f.b) == 0 {
		return 0, f.err
	}
	n := copy(p, f.b)
	f.b = f.b[n:]
	return n, nil
}

// TestSources: what rules call events.
func TestSources(t *testing.T) {
	f := func(channel, id, kind, want string) {
		t.Helper()
		file := fileOf(chunkOf(1, event(channel, id, el("EventData", data("EventType", txt(kind)), data("NewProcessName", txt("x")), data("Threat Name", txt("x"))))))
		var s *evidence.Schema
		if _, err := Read(t.Context(), bytes.NewReader(file), Options{}, func(b *evidence.EventBatch) error { s = b.Schema; return nil }); err != nil || s == nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Source) + fmt.Sprint(s.Also); got != want || s.Names["ThreatName"] != "Threat Name" {
			t.Errorf("%s %s: %s, want %s; names %v", channel, id, got, want, s.Names)
		}
		if s.Source.Category == "process_creation" && s.Source.Service == "security" && s.Names["Image"] != "NewProcessName" {
			t.Errorf("names %v", s.Names)
		}
	}
	f("Security", "4624", "", "{windows  security}[]")
	f("SECURITY", "4688", "", "{windows process_creation security}[]")
	f("Microsoft-Windows-Sysmon/Operational", "1", "", "{windows process_creation sysmon}[]")
	f("Microsoft-Windows-Sysmon/Operational", "12", "CreateKey", "{windows registry_event sysmon}[{windows registry_add sysmon}]")
	f("Microsoft-Windows-Sysmon/Operational", "12", "DeleteValue", "{windows registry_event sysmon}[{windows registry_delete sysmon}]")
	f("Windows PowerShell", "400", "", "{windows ps_classic_start powershell-classic}[]")
	f("Microsoft-ServiceBus-Client/Admin", "1", "", "{windows  microsoft-servicebus-client}[{windows  servicebus-client}]")
	f("Somebody-Else/Operational", "1", "", "{windows  }[]")
	f("", "1", "", "{  }[]")
}

// TestSample keeps the small log that other rooms test with: Security, cleared
// after a hole.
func TestSample(t *testing.T) {
	chunk := chunkOf(5, event("Security", "4688", el("EventData", data("NewProcessName", txt(`C:\Windows\System32\whoami.exe`)), data("SubjectUserName", txt("Jörg")))),
		event("Security", "1102", el("UserData", el("LogFileCleared", el("SubjectUserName", txt("Jörg"))))))
	second := chunkHeader + int(le.Uint32(chunk[chunkHeader+4:]))
	le.PutUint64(chunk[second+8:], 9)
	want := fileOf(sum(chunk))
	name := filepath.Join("testdata", "cleared.evtx")
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		if os.Getenv("UPDATE") == "" {
			t.Fatalf("%s is not what the builder makes (%v); UPDATE=1 writes it", name, err)
		}
		if err := os.WriteFile(name, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
