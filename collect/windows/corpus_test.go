package windows

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

// corpus is a hive of the corpora; the test is skipped where those are not.
func corpus(t testing.TB, name string) evidencetest.File {
	t.Helper()
	return evidencetest.File{Data: evidencetest.Corpus(t, "registry/"+name)}
}

// TestServicesAsRegipy: as many services with a program, and drivers without one, as
// regipy 6.5.0 lists.
func TestServicesAsRegipy(t *testing.T) {
	for name, want := range map[string][2]int{"SYSTEM": {401, 14}, "SYSTEM_2": {410, 13}, "SYSTEM_WIN_10_1709": {670, 12}, "SYSTEM_B": {596, 12}} {
		out := collected(t, source(evidencetest.Tree{"Windows/System32/config/SYSTEM": corpus(t, name)}))
		got, bare := 0, 0
		for _, o := range out.Observed {
			if o.Get("Kind") != evidence.StartService {
				continue
			}
			if strings.HasSuffix(o.Get("TargetObject"), `\ImagePath`) {
				got++
			} else if strings.HasPrefix(o.Get("CommandLine"), `System32\drivers\`) {
				bare++
			}
		}
		if got != want[0] || bare != want[1] {
			t.Errorf("%s: %d services and %d drivers without a path, want %d", name, got, bare, want)
		}
	}
}

// TestAccountsAsRegipy: the accounts of its plug-ins samparse and local_sid, and the
// group that samparse of RegRipper lists.
func TestAccountsAsRegipy(t *testing.T) {
	out := collected(t, source(evidencetest.Tree{"Windows/System32/config/SAM": corpus(t, "SAM")}))
	var got []string
	for _, o := range out.Observed {
		if o.Kind == evidence.ObserveAccount {
			got = append(got, strings.Join([]string{o.Get("TargetSid"), o.Get("State"), o.Get("LastLogon"), o.Get("PasswordLastSet")}, "|"))
		}
	}
	const machine = "S-1-5-21-1760460187-1592185332-161725925"
	want := []string{
		machine + "-500|disabled|2010-11-20T21:48:12Z|2010-11-20T21:56:34Z",
		machine + "-501|disabled||",
		machine + "-1000||2014-09-30T02:59:34Z|2014-09-24T03:35:45Z",
	}
	if !slices.Equal(got, want) {
		t.Errorf("accounts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRunKeysAsRegipy: the values of the user's Run key.
func TestRunKeysAsRegipy(t *testing.T) {
	for name, want := range map[string][]string{
		"NTUSER_modified": {`Sidebar=%ProgramFiles%\Windows Sidebar\Sidebar.exe /autoRun`, `not_a_malware=c:\temp\legitimate_binary.exe`},
		"NTUSER-WSL": {`OneDrive="C:\Users\admin\AppData\Local\Microsoft\OneDrive\OneDrive.exe" /background`,
			`MicrosoftEdgeAutoLaunch_29EBC4579851B72EE312C449CF839B1A="C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --no-startup-window --win-session-start`},
	} {
		out := collected(t, source(evidencetest.Tree{"Users/anna/NTUSER.DAT": corpus(t, name+".DAT")}))
		var got []string
		for _, o := range out.Observed {
			if strings.Contains(o.Get("TargetObject"), `\CurrentVersion\Run\`) {
				got = append(got, o.Get("Name")+"="+o.Get("CommandLine"))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestDamagedHives: a hive cut at any block gives what can be had, and a gap.
func TestDamagedHives(t *testing.T) {
	whole := corpus(t, "NTUSER.DAT").Data
	declared := 4096 + int(binary.LittleEndian.Uint32(whole[40:])) // what is behind it is no part of the hive
	for cut := 4096; cut < declared; cut += 4096 * 7 {
		out := collected(t, source(evidencetest.Tree{"Users/anna/NTUSER.DAT": {Data: whole[:cut]}}))
		if !slices.ContainsFunc(out.Gaps(), func(c evidence.Coverage) bool { return c.Path == "Users/anna/NTUSER.DAT" }) {
			t.Errorf("cut at %d: no gap", cut)
		}
	}
}
