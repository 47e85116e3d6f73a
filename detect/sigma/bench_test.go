package sigma

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// processEvent is a process start as Sysmon writes it, by position.
var processEvent = func() (fields []string, values [][]byte) {
	for line := range strings.Lines(`Image=C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe
OriginalFileName=PowerShell.EXE
CommandLine="C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -File "C:\Program Files\Backup\Run-Backup.ps1" -Target \\nas01\backup$ -Verbose
ParentImage=C:\Windows\System32\svchost.exe
ParentCommandLine=C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule
User=NT AUTHORITY\SYSTEM
IntegrityLevel=System
Company=Microsoft Corporation
Description=Windows PowerShell
Product=Microsoft® Windows® Operating System
Hashes=SHA256=9F914D42706FE215501044ACD85A32D58AAEF1419D404FDDFA5D3B48F66CCD9F
CurrentDirectory=C:\Windows\system32\
EventID=1
LogonId=0x3e7
`) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		fields, values = append(fields, name), append(values, []byte(value))
	}
	return fields, values
}

func processProgram(b *testing.B) (*Program, [][]byte, []byte) {
	fields, values := processEvent()
	rules := slices.DeleteFunc(corpusRules(b), func(r *Rule) bool {
		return !r.Source.Fits(LogSource{Product: "windows", Category: "process_creation"})
	})
	p := Compile(rules, func(name string) (Column, bool) {
		i := slices.Index(fields, name)
		return Column{At: i}, i >= 0
	})
	return p, values, bytes.Join(values, []byte("\n"))
}

func BenchmarkParse(b *testing.B) {
	files, size := corpusFiles(b), 0
	for b.Loop() {
		for path, text := range files {
			_, _, _ = Parse(path, text, Options{})
			size += len(text)
		}
	}
	b.ReportMetric(float64(len(files)*b.N)/b.Elapsed().Seconds(), "rules/s")
}

// BenchmarkCompile binds all rules of SigmaHQ to one schema.
func BenchmarkCompile(b *testing.B) {
	rules := corpusRules(b)
	fields, _ := processEvent()
	b.ReportAllocs()
	for b.Loop() {
		Compile(rules, func(name string) (Column, bool) {
			i := slices.Index(fields, name)
			return Column{At: i}, i >= 0
		})
	}
	b.ReportMetric(float64(len(rules)*b.N)/b.Elapsed().Seconds(), "rules/s")
}

// BenchmarkLiterals asks all rules of SigmaHQ for their literals.
func BenchmarkLiterals(b *testing.B) {
	rules := corpusRules(b)
	for b.Loop() {
		for _, r := range rules {
			r.Literals()
		}
	}
}

// BenchmarkMatch holds every rule for process starts against one event, without
// any prefilter.
func BenchmarkMatch(b *testing.B) {
	p, values, raw := processProgram(b)
	b.ReportAllocs()
	for b.Loop() {
		for i := range p.Len() {
			p.Match(i, values, raw)
		}
	}
	b.ReportMetric(float64(p.Len()), "rules")
	b.ReportMetric(float64(p.Len()*b.N)/b.Elapsed().Seconds(), "evaluations/s")
}

// BenchmarkMatchCandidates does the same for those rules only whose literals
// stand in the event.
func BenchmarkMatchCandidates(b *testing.B) {
	p, values, raw := processProgram(b)
	lower := asciiLower(string(raw))
	var candidates []int
	for i := range p.Len() {
		texts, _ := p.Rule(i).Literals()
		if len(texts) == 0 || slices.ContainsFunc(texts, func(l string) bool { return strings.Contains(lower, l) }) {
			candidates = append(candidates, i)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, i := range candidates {
			p.Match(i, values, raw)
		}
	}
	b.ReportMetric(float64(len(candidates)), "rules")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
