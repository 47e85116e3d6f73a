package tools

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"www.velocidex.com/golang/regparser"
)

// lawful are services and programs of Windows Server that no table of tools
// may name; the rest comes from real hives and from this machine.
const lawful = `AarSvc ADWS AeLookupSvc ALG AppHostSvc AppIDSvc Appinfo AppMgmt AppReadiness AppXSvc AudioSrv BFE BITS BrokerInfrastructure Browser
CertPropSvc ClipSVC COMSysApp CoreMessagingRegistrar CryptSvc DcomLaunch defragsvc DeviceAssociationService DeviceInstall Dhcp DiagTrack DNS Dnscache
DoSvc dot3svc DPS DsmSvc Eaphost EFS EventLog EventSystem fdPHost FDResPub FontCache gpsvc hidserv IISADMIN IKEEXT iphlpsvc KeyIso KtmRm LanmanServer
LanmanWorkstation lmhosts LSM MailService MapsBroker mpssvc MSDTC MSiSCSI msiserver MSSQLSERVER NcbService Netlogon Netman netprofm NlaSvc nsi NTDS
PerfHost pla PlugPlay PolicyAgent Power ProfSvc RasAuto RasMan RemoteAccess RemoteRegistry RpcEptMapper RpcLocator RpcSs SamSs SCardSvr Schedule
seclogon SENS SessionEnv SharedAccess ShellHWDetection smphost SNMPTRAP Spooler sppsvc SQLWriter SSDPSRV sshd StateRepository SysMain TapiSrv TermService
Themes TrkWks TrustedInstaller UmRdpService upnphost UserManager UxSms VaultSvc vds VGAuthService vmicheartbeat vmtools VSS W32Time W3SVC WAS Wcmsvc WdiServiceHost
Wecsvc WerSvc WinDefend WinHttpAutoProxySvc Winmgmt WinRM wlidsvc wmiApSrv WMSVC WSearch wuauserv`

const programs = `agent.exe client.exe service.exe server.exe setup.exe update.exe updater.exe helper.exe connect.exe remote.exe host.exe w3wp.exe lsass.exe services.exe
svchost.exe spoolsv.exe conhost.exe csrss.exe winlogon.exe explorer.exe mmc.exe mstsc.exe rdpclip.exe sqlservr.exe mailservice.exe inetinfo.exe vmtoolsd.exe
wmiprvse.exe msiexec.exe taskhostw.exe dllhost.exe rundll32.exe powershell.exe cmd.exe ssh.exe sshd.exe curl.exe tar.exe nltest.exe quser.exe tscon.exe`

func TestQuiet(t *testing.T) {
	table := load(t)
	names := 0
	f := func(trace Trace) {
		t.Helper()
		names++
		if hits := table.Match(trace); len(hits) > 0 {
			t.Errorf("%+v: %s", trace, said(hits))
		}
	}
	for _, s := range strings.Fields(lawful) {
		f(Trace{Service: s, Task: s, Image: `C:\Windows\System32\` + s + ".exe", Folder: `C:\Program Files\` + s, Product: s, Original: s + ".exe"})
	}
	for _, p := range strings.Fields(programs) {
		f(Trace{Image: `C:\Windows\System32\` + p, Original: p, Command: `"C:\Windows\System32\` + p + `" -k netsvcs -p -s Schedule`})
	}
	for _, c := range []string{
		"ssh -N -L 8080:localhost:80 host", `C:\Windows\system32\cmd.exe /c dir > C:\Windows\Temp\list.txt 2>&1`, "netsh interface portproxy add v4tov4 listenport=3389",
		"openvpn --config client.ovpn --token x", "docker run --token x", "npm run build -- --token abc", `robocopy D:\ E:\ /copy:DAT`,
	} {
		f(Trace{Command: c})
	}
	if names < 150 {
		t.Errorf("only %d lawful traces", names)
	}
}

// TestQuietOnDebian: none of this machine's programs and units, other than
// those that are in the table by right.
func TestQuietOnDebian(t *testing.T) {
	table := load(t)
	bins, _ := filepath.Glob("/usr/bin/*")
	sbins, _ := filepath.Glob("/usr/sbin/*")
	units, _ := filepath.Glob("/usr/lib/systemd/system/*")
	if len(bins) < 100 {
		t.Skip("no /usr/bin to read")
	}
	for _, p := range append(bins, sbins...) {
		if hits := table.Match(Trace{Image: p}); len(hits) > 0 && filepath.Base(p) != hits[0].Tool.ID {
			t.Errorf("%s: %s", p, said(hits))
		}
	}
	for _, u := range units {
		if hits := table.Match(Trace{Service: filepath.Base(u)}); len(hits) > 0 && !strings.HasPrefix(filepath.Base(u), hits[0].Tool.ID) {
			t.Errorf("%s: %s", u, said(hits))
		}
	}
}

// TestQuietOnHives: services of real Windows machines.
func TestQuietOnHives(t *testing.T) {
	table := load(t)
	services := 0
	for _, name := range []string{"SYSTEM", "SYSTEM_2", "SYSTEM_B", "SYSTEM_WIN_10_1709"} {
		data, err := exec.Command("xz", "-dc", filepath.Join("..", "..", "..", "shared", "corpora", "registry", name+".xz")).Output()
		if err != nil {
			t.Skipf("%s: %v (needs the shared corpora and xz)", name, err)
		}
		reg, err := regparser.NewRegistry(bytes.NewReader(data))
		if err != nil {
			t.Fatal(name, err)
		}
		key := reg.OpenKey("ControlSet001/Services")
		if key == nil {
			continue
		}
		for _, s := range key.Subkeys() {
			services++
			trace := Trace{Service: s.Name()}
			for _, v := range s.Values() {
				if strings.EqualFold(v.ValueName(), "ImagePath") {
					trace.Image, trace.Command = v.ValueData().String, v.ValueData().String
				}
			}
			if hits := table.Match(trace); len(hits) > 0 && s.Name() != "PSEXESVC" { // PsExec was used on this one
				t.Errorf("%s: %+v: %s", name, trace, said(hits))
			}
		}
	}
	if services < 300 {
		t.Errorf("only %d services", services)
	}
}
