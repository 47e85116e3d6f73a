package page

// attackNames are MITRE's names of the ATT&CK techniques that packs use most
// (attack.mitre.org, Enterprise). One that is not here shows its id alone.
var attackNames = map[string]string{
	"T1003":     "OS Credential Dumping",
	"T1003.001": "OS Credential Dumping: LSASS Memory",
	"T1003.003": "OS Credential Dumping: NTDS",
	"T1018":     "Remote System Discovery",
	"T1021":     "Remote Services",
	"T1021.001": "Remote Services: Remote Desktop Protocol",
	"T1027":     "Obfuscated Files or Information",
	"T1033":     "System Owner/User Discovery",
	"T1036.005": "Masquerading: Match Legitimate Resource Name or Location",
	"T1041":     "Exfiltration Over C2 Channel",
	"T1047":     "Windows Management Instrumentation",
	"T1053":     "Scheduled Task/Job",
	"T1053.003": "Scheduled Task/Job: Cron",
	"T1053.005": "Scheduled Task/Job: Scheduled Task",
	"T1059":     "Command and Scripting Interpreter",
	"T1059.001": "Command and Scripting Interpreter: PowerShell",
	"T1059.003": "Command and Scripting Interpreter: Windows Command Shell",
	"T1059.004": "Command and Scripting Interpreter: Unix Shell",
	"T1070":     "Indicator Removal",
	"T1070.001": "Indicator Removal: Clear Windows Event Logs",
	"T1070.004": "Indicator Removal: File Deletion",
	"T1071":     "Application Layer Protocol",
	"T1071.001": "Application Layer Protocol: Web Protocols",
	"T1078":     "Valid Accounts",
	"T1078.001": "Valid Accounts: Default Accounts",
	"T1082":     "System Information Discovery",
	"T1083":     "File and Directory Discovery",
	"T1087":     "Account Discovery",
	"T1098":     "Account Manipulation",
	"T1105":     "Ingress Tool Transfer",
	"T1110":     "Brute Force",
	"T1112":     "Modify Registry",
	"T1114":     "Email Collection",
	"T1136":     "Create Account",
	"T1136.001": "Create Account: Local Account",
	"T1190":     "Exploit Public-Facing Application",
	"T1218":     "System Binary Proxy Execution",
	"T1218.011": "System Binary Proxy Execution: Rundll32",
	"T1219":     "Remote Access Tools",
	"T1486":     "Data Encrypted for Impact",
	"T1505":     "Server Software Component",
	"T1505.003": "Server Software Component: Web Shell",
	"T1543":     "Create or Modify System Process",
	"T1543.003": "Create or Modify System Process: Windows Service",
	"T1546":     "Event Triggered Execution",
	"T1547.001": "Boot or Logon Autostart Execution: Registry Run Keys / Startup Folder",
	"T1552":     "Unsecured Credentials",
	"T1562.001": "Impair Defenses: Disable or Modify Tools",
	"T1567":     "Exfiltration Over Web Service",
	"T1567.002": "Exfiltration Over Web Service: Exfiltration to Cloud Storage",
	"T1569.002": "System Services: Service Execution",
	"T1570":     "Lateral Tool Transfer",
	"T1572":     "Protocol Tunneling",
	"T1595":     "Active Scanning",
	"T1595.002": "Active Scanning: Vulnerability Scanning",
}

// techniques are ids with their names where those are known.
func techniques(ids []string) []string {
	said := make([]string, 0, len(ids))
	for _, id := range ids {
		if name := attackNames[id]; name != "" {
			id += " " + name
		}
		said = append(said, id)
	}
	return said
}
