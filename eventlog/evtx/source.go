package evtx

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"postern/evidence"
)

// services are the log sources that rules call the channels of Windows
// (Sigma's taxonomy and SigmaHQ's channel list), channels in lower case.
var services = map[string][]string{
	"application": {"application"},
	"security":    {"security"},
	"system":      {"system"},

	"microsoft-windows-sysmon/operational":     {"sysmon"},
	"microsoft-windows-powershell/operational": {"powershell"},
	"powershellcore/operational":               {"powershell"},
	"windows powershell":                       {"powershell-classic"},

	"dns server":                                          {"dns-server"},
	"microsoft-windows-dns-server/audit":                  {"dns-server-audit", "dns-server"},
	"microsoft-windows-dns-server/analytical":             {"dns-server-analytic"},
	"microsoft-windows-dns client events/operational":     {"dns-client"},
	"microsoft-windows-dns-client/operational":            {"dns-client"},
	"microsoft-windows-dhcp-server/operational":           {"dhcp"},
	"microsoft-windows-ldap-client/debug":                 {"ldap"},
	"microsoft-windows-ntlm/operational":                  {"ntlm"},
	"microsoft-windows-lsa/operational":                   {"lsa-server"},
	"microsoft-windows-smbclient/security":                {"smbclient-security"},
	"microsoft-windows-smbclient/connectivity":            {"smbclient-connectivity"},
	"microsoft-windows-smbserver/connectivity":            {"smbserver-connectivity"},
	"microsoft-windows-printservice/admin":                {"printservice-admin"},
	"microsoft-windows-printservice/operational":          {"printservice-operational"},
	"openssh/operational":                                 {"openssh"},
	"msexchange management":                               {"msexchange-management"},
	"microsoft-iis-configuration/operational":             {"iis-configuration"},
	"microsoft-servicebus-client/admin":                   {"microsoft-servicebus-client", "servicebus-client"},
	"microsoft-servicebus-client/operational":             {"microsoft-servicebus-client", "servicebus-client"},
	"microsoft-windows-taskscheduler/operational":         {"taskscheduler"},
	"microsoft-windows-wmi-activity/operational":          {"wmi"},
	"microsoft-windows-bits-client/operational":           {"bits-client"},
	"microsoft-windows-windows defender/operational":      {"windefend"},
	"microsoft-windows-codeintegrity/operational":         {"codeintegrity-operational"},
	"microsoft-windows-applocker/msi and script":          {"applocker"},
	"microsoft-windows-applocker/exe and dll":             {"applocker"},
	"microsoft-windows-applocker/packaged app-deployment": {"applocker"},
	"microsoft-windows-applocker/packaged app-execution":  {"applocker"},
	"microsoft-windows-security-mitigations/kernel mode":  {"security-mitigations"},
	"microsoft-windows-security-mitigations/user mode":    {"security-mitigations"},
	"microsoft-windows-sense/operational":                 {"sense"},

	"microsoft-windows-windows firewall with advanced security/firewall":       {"firewall-as"},
	"microsoft-windows-terminalservices-localsessionmanager/operational":       {"terminalservices-localsessionmanager"},
	"microsoft-windows-certificateservicesclient-lifecycle-system/operational": {"certificateservicesclient-lifecycle-system"},
	"microsoft-windows-application-experience/program-telemetry":               {"application-experience"},
	"microsoft-windows-application-experience/program-compatibility-assistant": {"application-experience"},
	"microsoft-windows-driverframeworks-usermode/operational":                  {"driver-framework"},
	"microsoft-windows-diagnosis-scripted/operational":                         {"diagnosis-scripted"},
	"microsoft-windows-shell-core/operational":                                 {"shell-core"},
	"microsoft-windows-bitlocker/bitlocker management":                         {"bitlocker"},
	"microsoft-windows-vhdmp/operational":                                      {"vhdmp"},
	"microsoft-windows-vhdmp-operational":                                      {"vhdmp"},
	"microsoft-windows-appxdeploymentserver/operational":                       {"appxdeployment-server"},
	"microsoft-windows-appxdeployment-server/operational":                      {"appxdeployment-server"},
	"microsoft-windows-appxpackaging/operational":                              {"appxpackaging-om"},
	"microsoft-windows-appmodel-runtime/admin":                                 {"appmodel-runtime"},
	"microsoft-windows-capi2/operational":                                      {"capi2"},
	"microsoft-windows-kernel-shimengine/operational":                          {"kernel-shimengine"},
	"microsoft-windows-kernel-shimengine/diagnostic":                           {"kernel-shimengine"},
	"microsoft-windows-kernel-eventtracing":                                    {"kernel-event-tracing"},
	"microsoft-windows-kernel-eventtracing/admin":                              {"kernel-event-tracing"},
	"microsoft-windows-hyper-v-worker":                                         {"hyper-v-worker"},
	"microsoft-windows-hyper-v-worker-admin":                                   {"hyper-v-worker"},
	"microsoft-windows-ntfs/operational":                                       {"ntfs"},
}

// meaning is what some events of a service are in Sigma's taxonomy.
type meaning struct {
	service    string
	ids        []uint32
	kind       string // how EventType begins; "": whatever it is
	categories []string
	names      map[string]string // the taxonomy's names of fields that the log calls otherwise
}

// created are the names of Sysmon's event 1, by those of Security's 4688 (4688's
// ProcessId is the parent's, NewProcessId the new one's).
var created = map[string]string{
	"Image": "NewProcessName", "ParentImage": "ParentProcessName", "User": "SubjectUserName", "LogonId": "SubjectLogonId",
	"ProcessId": "NewProcessId", "ParentProcessId": "ProcessId",
}

// found are the names of a virus scanner's report, by those of Defender.
var found = map[string]string{"Signature": "Threat Name", "Filename": "Path", "User": "Detection User"}

// meanings say which events of which service make up a category. The events of
// Sysmon are those of its documentation.
var meanings = []meaning{
	{"sysmon", []uint32{1}, "", []string{"process_creation"}, nil},
	{"sysmon", []uint32{2}, "", []string{"file_change"}, nil},
	{"sysmon", []uint32{3}, "", []string{"network_connection"}, nil},
	{"sysmon", []uint32{4, 16}, "", []string{"sysmon_status"}, nil},
	{"sysmon", []uint32{5}, "", []string{"process_termination"}, nil},
	{"sysmon", []uint32{6}, "", []string{"driver_load"}, nil},
	{"sysmon", []uint32{7}, "", []string{"image_load"}, nil},
	{"sysmon", []uint32{8}, "", []string{"create_remote_thread"}, nil},
	{"sysmon", []uint32{9}, "", []string{"raw_access_thread"}, nil},
	{"sysmon", []uint32{10}, "", []string{"process_access"}, nil},
	{"sysmon", []uint32{11}, "", []string{"file_event"}, nil},
	{"sysmon", []uint32{12}, "Create", []string{"registry_event", "registry_add"}, nil},
	{"sysmon", []uint32{12}, "Delete", []string{"registry_event", "registry_delete"}, nil},
	{"sysmon", []uint32{12}, "", []string{"registry_event", "registry_add", "registry_delete"}, nil},
	{"sysmon", []uint32{13}, "", []string{"registry_event", "registry_set"}, nil},
	{"sysmon", []uint32{14}, "", []string{"registry_event", "registry_rename"}, nil},
	{"sysmon", []uint32{15}, "", []string{"create_stream_hash"}, nil},
	{"sysmon", []uint32{17, 18}, "", []string{"pipe_created"}, nil},
	{"sysmon", []uint32{19, 20, 21}, "", []string{"wmi_event"}, nil},
	{"sysmon", []uint32{22}, "", []string{"dns_query"}, nil},
	{"sysmon", []uint32{23}, "", []string{"file_delete"}, nil},
	{"sysmon", []uint32{24}, "", []string{"clipboard_change"}, nil},
	{"sysmon", []uint32{25}, "", []string{"process_tampering"}, nil},
	{"sysmon", []uint32{26}, "", []string{"file_delete_detected", "file_delete"}, nil},
	{"sysmon", []uint32{27}, "", []string{"file_block_executable"}, nil},
	{"sysmon", []uint32{28}, "", []string{"file_block_shredding"}, nil},
	{"sysmon", []uint32{29}, "", []string{"file_executable_detected"}, nil},
	{"sysmon", []uint32{255}, "", []string{"sysmon_error"}, nil},
	{"security", []uint32{4688}, "", []string{"process_creation"}, created},
	{"powershell", []uint32{4103}, "", []string{"ps_module"}, nil},
	{"powershell", []uint32{4104}, "", []string{"ps_script"}, nil},
	{"powershell-classic", []uint32{400}, "", []string{"ps_classic_start"}, nil},
	{"powershell-classic", []uint32{600}, "", []string{"ps_classic_provider_start"}, nil},
	{"powershell-classic", []uint32{800}, "", []string{"ps_classic_script"}, nil},
	{"windefend", []uint32{1006, 1007, 1008, 1009, 1010, 1011, 1012, 1017, 1018, 1019, 1115, 1116, 1117, 1118, 1119}, "", []string{"antivirus"}, found},
}

// channel is a channel of Windows, and what its events may mean. One without a
// name is not known: its events may be anything.
type channel struct {
	name     string
	services []string
	meanings map[uint32][]*meaning
}

func channelOf(name []byte) *channel {
	c := &channel{name: string(name), meanings: map[uint32][]*meaning{}}
	c.services = services[strings.ToLower(c.name)]
	for i := range meanings {
		if m := &meanings[i]; slices.Contains(c.services, m.service) {
			for _, id := range m.ids {
				c.meanings[id] = append(c.meanings[id], m)
			}
		}
	}
	return c
}

// clears reports whether an event says that a log was cleared: Security's 1102,
// and 104, which System has for all others.
func (c *channel) clears(id uint32) bool {
	return id == 1102 && slices.Contains(c.services, "security") || id == 104 && slices.Contains(c.services, "system")
}

// source is what rules call the source of an event.
type source struct {
	channel *channel
	meaning *meaning
}

func (c *channel) source(id uint32, kind []byte) source {
	for _, m := range c.meanings[id] {
		if m.kind == "" || bytes.HasPrefix(kind, []byte(m.kind)) {
			return source{c, m}
		}
	}
	return source{c, nil}
}

// schema makes the schema of events of this source with these fields.
func (s source) schema(fields []string) *evidence.Schema {
	schema := evidence.NewSchema(Format, fields...)
	schema.Spread = true
	for at, f := range fields {
		if f == "Computer" && at <= math.MaxInt8 {
			schema.Roles[evidence.RoleHost] = int8(at)
		}
		if plain := strings.ReplaceAll(f, " ", ""); plain != f {
			schema.Call(plain, f)
		}
	}
	if s.channel.name == "" {
		return schema
	}
	base := evidence.LogSource{Product: "windows"}
	categories, named := []string{""}, []string{""}
	if s.meaning != nil {
		categories = s.meaning.categories
		for name, field := range s.meaning.names {
			if slices.Contains(fields, field) {
				schema.Call(name, field)
			}
		}
	}
	if len(s.channel.services) > 0 {
		named = s.channel.services
	}
	for _, category := range categories {
		for _, service := range named {
			base.Category, base.Service = category, service
			schema.Also = append(schema.Also, base)
		}
	}
	schema.Source, schema.Also = schema.Also[0], schema.Also[1:]
	return schema
}

// SchemaOf is the schema of an event that is not stored as one: of a channel,
// with an identifier, whose fields, in the names of this package, are given.
// Kind is the text of its EventType, which some categories hang on. The second
// result says that such an event tells of a log's having been cleared.
func SchemaOf(channel []byte, id uint32, kind []byte, fields []string) (schema *evidence.Schema, clears bool) {
	c := channelOf(channel)
	return c.source(id, kind).schema(fields), c.clears(id)
}

// Sources are the log sources that events of Windows may have.
func Sources() []evidence.LogSource {
	var all []evidence.LogSource
	for _, named := range services {
		for _, service := range named {
			all = append(all, evidence.LogSource{Product: "windows", Service: service})
			for _, m := range meanings {
				if m.service != service {
					continue
				}
				for _, category := range m.categories {
					all = append(all, evidence.LogSource{Product: "windows", Category: category, Service: service})
				}
			}
		}
	}
	return all
}
