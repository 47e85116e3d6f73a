package winjson

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"postern/eventlog/evtx"
	"postern/evidence"
)

// events reads an export and renders its events: source, reference, time, and
// every field that has a value.
func events(t testing.TB, text string, opt Options) ([]string, *Result) {
	t.Helper()
	var got []string
	result, err := Read(context.Background(), iotest.HalfReader(strings.NewReader(text)), opt, func(b *evidence.EventBatch) error {
		for i := range b.Events {
			e := &b.Events[i]
			if len(e.Values) != len(e.Fields) {
				t.Fatalf("%d values of %d fields", len(e.Values), len(e.Fields))
			}
			said := fmt.Sprintf("%s/%s %s %d %s:", e.Source.Category, e.Source.Service, e.Ref.Unit, e.Ref.At, e.Time.Format("2006-01-02T15:04:05.999Z"))
			for k, v := range e.Values {
				if v != nil {
					said += fmt.Sprintf(" %s=%s", e.Fields[k], v)
				}
			}
			got = append(got, said)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, result
}

const sysmon = "Microsoft-Windows-Sysmon/Operational"

// TestWriters: whoever exported an event, it is the same event.
func TestWriters(t *testing.T) {
	f := func(what, text string, want ...string) {
		t.Helper()
		if !Is([]byte(text)) {
			t.Errorf("%s: not known by its head", what)
		}
		got, r := events(t, text, Options{Zone: time.UTC})
		if strings.Join(got, "\n") != strings.Join(want, "\n") || r.Misread > 0 || r.Unnamed > 0 || r.Undated > 0 {
			t.Errorf("%s: %+v\n%s\nwant\n%s", what, r, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	f("evtx_dump, indented, with its headings", "Record 7\n{\n  \"Event\": {\n    \"#attributes\": {\"xmlns\": \"http://x\"},\n    \"System\": {\n \"Provider\": {\"#attributes\": {\"Name\": \"Microsoft-Windows-Sysmon\"}},"+
		"\n \"EventID\": {\"#attributes\": {\"Qualifiers\": 3}, \"#text\": 1},\n \"TimeCreated\": {\"#attributes\": {\"SystemTime\": \"2026-01-17T10:00:00.5Z\"}},\n \"EventRecordID\": 7, \"Channel\": \""+sysmon+"\", \"Correlation\": null },\n"+
		" \"EventData\": { \"Image\": \"C:\\\\a.exe\", \"Level\": \"\" }\n  }\n}\nRecord 8\n",
		`process_creation/sysmon line 2 2026-01-17T10:00:00.5Z: Provider_Name=Microsoft-Windows-Sysmon Qualifiers=3 EventID=1 TimeCreated=2026-01-17T10:00:00.5Z EventRecordID=7 Channel=`+sysmon+` Image=C:\a.exe Level=`)
	f("evtx_dump, attributes apart", `{"Event":{"System":{"Provider_attributes":{"Name":"P"},"EventID":104,"EventID_attributes":{"Qualifiers":""},"TimeCreated_attributes":{"SystemTime":"2026-01-17T10:00:00Z"},"EventRecordID":9,"Channel":"System"},"UserData":{"LogFileCleared_attributes":{"xmlns":"x"},"LogFileCleared":{"SubjectUserName":"demo","Channel":"Application"}}}}`,
		`/system line 1 2026-01-17T10:00:00Z: Provider_Name=P EventID=104 Qualifiers= TimeCreated=2026-01-17T10:00:00Z EventRecordID=9 Channel=System SubjectUserName=demo UserData_Channel=Application`)
	f("a list of texts without names", `[{"Event":{"System":{"EventID":400,"Channel":"Windows PowerShell","TimeCreated":{"#attributes":{"SystemTime":"2026-01-17T10:00:00Z"}}},"EventData":{"Data":{"#text":["Available","None"]},"Binary":null}}}]`,
		"ps_classic_start/powershell-classic line 1 2026-01-17T10:00:00Z: EventID=400 Channel=Windows PowerShell TimeCreated=2026-01-17T10:00:00Z Data=Available\nNone")
	f("XML turned into JSON", `{"Event":{"@xmlns":"x","System":{"Provider":{"@Name":"P"},"EventID":"4688","TimeCreated":{"@SystemTime":"2026-01-17T10:00:00Z"},"Channel":"Security"},"EventData":{"Data":[{"@Name":"NewProcessName","#text":"C:\\a.exe"},{"@Name":"Other"}]}}}`,
		`process_creation/security line 1 2026-01-17T10:00:00Z: Provider_Name=P EventID=4688 TimeCreated=2026-01-17T10:00:00Z Channel=Security NewProcessName=C:\a.exe Other=`)
	f("Velociraptor", `{"System":{"Provider":{"Name":"P"},"EventID":{"Value":4624},"TimeCreated":{"SystemTime":1768644000.25},"EventRecordID":5,"Channel":"Security","Computer":"H"},"EventData":{"TargetUserName":"demo"},"Message":"m"}`,
		`/security line 1 2026-01-17T10:00:00.25Z: Provider_Name=P EventID=4624 TimeCreated=1768644000.25 EventRecordID=5 Channel=Security Computer=H TargetUserName=demo Message=m`)
	f("Winlogbeat", `{"@timestamp":"2026-01-17T10:00:00.000Z","winlog":{"channel":"`+sysmon+`","event_id":"1","record_id":6,"computer_name":"H","event_data":{"RuleName":"-"}},"process":{"executable":"C:\\a.exe"},"message":"m"}`,
		`process_creation/sysmon line 1 2026-01-17T10:00:00Z: TimeCreated=2026-01-17T10:00:00.000Z Channel=`+sysmon+` EventID=1 EventRecordID=6 Computer=H RuleName=- process.executable=C:\a.exe Message=m`)
	f("Winlogbeat 6, out of a database", `{"_index":"i","_source":{"@timestamp":"2026-01-17T10:00:00.000Z","log_name":"Security","event_id":4625,"record_number":"6","event_data":{"TargetUserName":"demo"}}}`,
		`/security line 1 2026-01-17T10:00:00Z: TimeCreated=2026-01-17T10:00:00.000Z Channel=Security EventID=4625 EventRecordID=6 _index=i TargetUserName=demo`)
	f("PowerShell, of Sysmon", "[\r\n    {\r\n        \"Id\":  1,\r\n        \"ProviderName\":  \"Microsoft-Windows-Sysmon\",\r\n        \"LogName\":  \""+sysmon+"\",\r\n        \"RecordId\":  6,\r\n        \"TimeCreated\":  \"\\/Date(1768644000500)\\/\",\r\n        \"Properties\":  [\"x\", \"y\"],\r\n        \"Message\":  \"Process Create:\\r\\nRuleName: -\\r\\nImage: C:\\\\a.exe\"\r\n    }\r\n]\r\n",
		"process_creation/sysmon line 2 2026-01-17T10:00:00.5Z: EventID=1 Provider_Name=Microsoft-Windows-Sysmon Channel="+sysmon+" EventRecordID=6 TimeCreated=/Date(1768644000500)/ Data=x\ny Message=Process Create:\r\nRuleName: -\r\nImage: C:\\a.exe RuleName=- Image=C:\\a.exe")
	f("NXLog", `{"EventTime":"2026-01-17 10:00:00","Hostname":"H","EventID":7045,"Channel":"System","RecordNumber":4,"ServiceName":"x"}`,
		`/system line 1 2026-01-17T10:00:00Z: Computer=H EventID=7045 Channel=System EventRecordID=4 EventTime=2026-01-17 10:00:00 ServiceName=x`)
	f("Velociraptor's hunt", `{"EventTime":"2026-01-17T10:00:00Z","Computer":"H","Channel":"System","EventID":7045,"EventRecordID":4,"EventData":{"ServiceName":"x"},"OSPath":"C:\\x.evtx"}`,
		`/system line 1 2026-01-17T10:00:00Z: Computer=H Channel=System EventID=7045 EventRecordID=4 EventTime=2026-01-17T10:00:00Z ServiceName=x OSPath=C:\x.evtx`)
	f("Wazuh", `{"timestamp":"2026-01-17T10:00:01.000+0000","data":{"win":{"system":{"providerName":"P","eventID":"1","systemTime":"2026-01-17T10:00:00Z","eventRecordID":"4","channel":"`+sysmon+`"},"eventdata":{"image":"C:\\a.exe"}}}}`,
		`process_creation/sysmon line 1 2026-01-17T10:00:00Z: Provider_Name=P EventID=1 TimeCreated=2026-01-17T10:00:00Z EventRecordID=4 Channel=`+sysmon+` timestamp=2026-01-17T10:00:01.000+0000 Image=C:\a.exe`)
	for _, text := range []string{"", "{}", `{"remote_addr":"192.0.2.7","status":200}`, `{"EventID":1}`, `{"request":{"remote_ip":"192.0.2.7","headers":{"System.EventID":["1"],"Event":{"System":{"EventID":1}}}}}`, "10:00:00 {\"EventID\":1,\"Channel\":\"System\"}", `{"@timestamp":"2026-01-17T10:00:00Z","event":{"code":"1"}}`} {
		if Is([]byte(text)) {
			t.Errorf("%q: taken for an export", text)
		}
	}
}

// TestRepeated: all values of one name are in its field, and such events are counted;
// a name of System's stays System's.
func TestRepeated(t *testing.T) {
	f := func(what, text, want string, repeated, long int64) {
		t.Helper()
		got, r := events(t, text, Options{Zone: time.UTC})
		if len(got) != 1 || !strings.Contains(got[0]+" ", want) || r.Repeated != repeated || r.Long != long {
			t.Errorf("%s: %d repeated, %d long, %q, want %q", what, r.Repeated, r.Long, got, want)
		}
	}
	told := func(message string) string {
		return `{"Id":1,"ProviderName":"P","LogName":"` + sysmon + `","RecordId":6,"ProcessId":4,"TimeCreated":"2026-01-17T10:00:00Z","Properties":[],"Message":"` + message + `"}`
	}
	listed := func(data string) string {
		return `{"Event":{"System":{"EventID":1,"Channel":"Security","TimeCreated":"2026-01-17T10:00:00Z"},"EventData":{` + data + `}}}`
	}
	f("a description that poses as a command", told(`Process Create:\nDescription: x\nCommandLine: notepad.exe\nCommandLine: evil`), " Description=x CommandLine=notepad.exe\nevil ", 1, 0)
	f("and as one of System's", told(`Process Create:\nEventID: 9\nProcessId: 7`), " EventData_EventID=9 ProcessId=7 ", 0, 0)
	f("a command of two lines", told(`Process Create:\nRuleName:\r\nCommandLine: cmd /c a\r\ndel /q b\r\n\r\nUser: x\r\n`), " CommandLine=cmd /c a\r\ndel /q b User=x ", 0, 0)
	f("the same twice", told(`A: b\nA: b`), " A=b ", 0, 0)
	f("a long message", told(strings.Repeat(`A: b\n`, 257)), " A=b ", 0, 1)
	f("items of one name", listed(`"Data":[{"@Name":"X","#text":"a"},{"@Name":"X","#text":"b"}]`), " X=a\nb ", 1, 0)
	f("an item beside a key", listed(`"X":"a","Data":[{"@Name":"X","#text":"b"},{"@Name":"X","#text":"a"},{"@Name":"X","#text":"c"}]`), " X=a\nb\nc ", 1, 0)
	f("which are the same", listed(`"X":"a","Data":[{"@Name":"X","#text":"a"}]`), " X=a ", 0, 0)
	f("an item of System's name", listed(`"Data":[{"@Name":"Channel","#text":"System"}]`), " EventData_Channel=System ", 0, 0)
	f("a key twice", listed(`"X":"a","X":"b"`), " X=a\nb ", 1, 0)
	f("many items", listed(`"Data":[`+strings.Repeat(`{"@Name":"X","#text":"a"},`, 256)+`{"@Name":"Y","#text":"b"}]`), " X=a ", 0, 1)
}

// TestNumbers: numbers that are missing are counted by channel and computer,
// whatever order they come in.
func TestNumbers(t *testing.T) {
	f := func(what string, missing, after uint64, add func(n *numbers, record func(uint64))) {
		t.Helper()
		var n numbers
		add(&n, func(id uint64) { n.add([]byte("H"), []byte("Security"), id, true) })
		if gone, first := n.missing(); gone != missing || first != after {
			t.Errorf("%s: %d after %d, want %d after %d", what, gone, first, missing, after)
		}
	}
	f("none", 0, 0, func(*numbers, func(uint64)) {})
	f("whole, the newest first", 0, 0, func(_ *numbers, record func(uint64)) {
		for id := uint64(20_000); id > 3; id-- {
			record(id)
		}
	})
	f("whole, in any order, some twice", 0, 0, func(_ *numbers, record func(uint64)) {
		for id := range uint64(10_000) {
			record(id * 7919 % 10_000)
			record(id)
		}
	})
	f("two channels and computers", 0, 0, func(n *numbers, record func(uint64)) {
		record(1)
		n.add([]byte("H"), []byte("System"), 9, true)
		n.add([]byte("I"), []byte("Security"), 99_999, true)
	})
	f("one is missing, across pages", 1, 4095, func(_ *numbers, record func(uint64)) {
		record(4097)
		record(4095)
	})
	f("far apart", 1<<64-2, 0, func(_ *numbers, record func(uint64)) {
		record(0)
		record(1<<64 - 1)
	})
	f("more than fit", 10+(maxPages-1)*99_999, 0, func(_ *numbers, record func(uint64)) {
		for id := range uint64(maxPages + 10) {
			record(id * 100_000)
		}
	})
}

// TestLost: what is no event, or is only half of one, is counted where it stands,
// and what follows is read.
func TestLost(t *testing.T) {
	event := func(id int) string {
		return fmt.Sprintf(`{"EventID":%d,"Channel":"Security","EventRecordID":%d,"TimeCreated":"2026-01-17T10:00:00Z","X":"y"}`, 4000+id, id)
	}
	f := func(what, text string, records, misread, at int64, cut bool) {
		t.Helper()
		_, r := events(t, text, Options{Zone: time.UTC})
		if r.Records != records || r.Misread != misread || r.MisreadAt != at || r.Cut != cut {
			t.Errorf("%s: %+v", what, r)
		}
	}
	f("an object that is no event", event(1)+"\n{\"a\":1}\n"+event(2), 2, 1, 2, false)
	f("an event cut by a crash, in a text", event(1)+"\n"+event(2)[:20]+"\n"+event(3)+"\n", 2, 1, 2, false)
	f("an event cut by a crash, between keys", event(1)+"\n"+event(2)[:14]+"\n"+event(3)+"\n", 2, 1, 2, false)
	f("the end is missing", event(1)+"\n"+event(2)[:40], 1, 1, 2, true)
	f("other text", event(1)+"\nhello\n"+event(2)+" bye "+event(3), 3, 2, 2, false)
	f("one list without a line break", "["+strings.Repeat(event(1)+",", 20_000)+event(2)+"]", 20_001, 0, 0, false)
	f("an event larger than is kept", event(1)+"\n"+strings.Replace(event(2), `"y"`, `"`+strings.Repeat("y", maxObject)+`"`, 1)+"\n"+event(3)+"\n", 2, 1, 2, false)
	got, _ := events(t, "\n"+event(1)+" "+event(2)+"\n"+event(3), Options{})
	for i, want := range []string{"line 2 ", "offset 102 ", "line 3 "} {
		if i >= len(got) || !strings.Contains(got[i], want) {
			t.Errorf("no reference of two events is the same: %q", got)
		}
	}
	_, r := events(t, `{"Id":4624,"ProviderName":"P","LogName":"Security","TimeCreated":"x","Properties":[{"Value":"S-1-5-18"}]}`, Options{})
	if r.Unnamed != 1 || r.UnnamedAt != 1 || r.Undated != 1 {
		t.Errorf("values without names: %+v", r)
	}
}

// TestVerbatim: an event's bytes hold its values without escapes, and events out of
// the period are counted and not delivered.
func TestVerbatim(t *testing.T) {
	text := `{"EventID":1,"Channel":"Security","TimeCreated":"2026-01-16T10:00:00Z","X":"needle"}` + "\n" +
		`{"EventID":2,"Channel":"Security","TimeCreated":"2026-01-17T10:00:00Z","X":"hay"}` + "\n" +
		`{"EventID":3,"Channel":"Security","TimeCreated":"2026-01-17T10:00:00Z","X":"\u006eeedle"}` + "\n"
	opt := Options{Options: evtx.Options{
		Review: evidence.Period{From: time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)},
	}, Zone: time.UTC}
	var got []string
	r, err := Read(t.Context(), strings.NewReader(text), opt, func(b *evidence.EventBatch) error {
		for _, e := range b.Events {
			got = append(got, fmt.Sprint(string(e.Values[0]), e.Verbatim, bytes.Contains(e.Raw, []byte("needle"))))
		}
		return nil
	})
	if err != nil || r.Records != 3 || strings.Join(got, " ") != "2true false 3true true" {
		t.Errorf("%v %v %v", got, r, err)
	}
}

// FuzzRead: nothing makes the reader panic, hang, or lend what it does not hold.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"Event":{"System":{"EventID":{"#text":1},"Channel":"Security"},"EventData":{"Data":[{"@Name":"a","#text":"b"}]}}}`))
	f.Add([]byte(`[{"Id":1,"ProviderName":"P","LogName":"` + sysmon + `","Properties":[{"Value":{"Value":1}}],"Message":"A: b\nC: d"}`))
	f.Add([]byte("Record 1\n{\"winlog\":{\"event_id\":1},\"process\":{}}\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		Is(text)
		got, r := events(t, string(text), Options{})
		if int64(len(got)) != r.Records {
			t.Errorf("%d events, %+v", len(got), r)
		}
	})
}
