package winjson

import (
	"slices"
	"strings"
)

// The sections of an event, as its XML names them.
const (
	system = "System"
	data   = "EventData"
	user   = "UserData"
	other  = "Other"
)

// writer is a way to write an event as an object.
type writer struct {
	place    func(key string) (section, name string) // of a key; name "": it is left out
	calls    []call
	nameless bool
}

// roots are what exports of databases put around an event.
var roots = []string{"", "_source.", "result.", "fields."}

// writerOf tells who writes objects of these keys; nil: nobody known. It looks at
// keys in their places alone: deeper ones may be of a client's choice, as the
// headers in a web server's log are.
func writerOf(names []string) *writer {
	for _, root := range roots {
		for _, inner := range []struct{ root, mark string }{
			{"Event.", "System.EventID"}, {"", "System.EventID"}, {"data.win.", "system.eventID"}, {"win.", "system.eventID"},
		} {
			mark := root + inner.root + inner.mark
			if slices.ContainsFunc(names, func(n string) bool {
				rest, is := strings.CutPrefix(n, mark)
				return is && (rest == "" || rest[0] == '.' || rest[0] == '_')
			}) {
				return &writer{place: nested(root+inner.root, inner.mark[0] == 's')}
			}
		}
	}
	has := func(name string) bool { return slices.Contains(names, name) }
	for _, root := range roots {
		switch {
		case has(root+"winlog.event_id") || has(root+"event.code") && has(root+"winlog.channel"):
			return &writer{place: renamed(root, winlogbeat), calls: ecs}
		case has(root+"event_id") && (has(root+"log_name") || has(root+"source_name")):
			return &writer{place: renamed(root, winlogbeat6)}
		case has(root+"Id") && has(root+"ProviderName") && has(root+"LogName"):
			return &writer{place: renamed(root, powershell), nameless: true}
		case (has(root+"EventID") || has(root+"EventId")) && (has(root+"Channel") || has(root+"Provider_Name") || has(root+"ProviderName") || has(root+"SourceName")):
			return &writer{place: renamed(root, flat)}
		}
	}
	return nil
}

// nested places the keys of objects that are the event's XML, element by
// element; with lower its names begin in lower case and System's are joined.
func nested(root string, lower bool) func(string) (string, string) {
	return func(key string) (section, name string) {
		if strings.HasPrefix(strings.TrimPrefix(key[strings.LastIndexByte(key, '.')+1:], "@"), "xmlns") {
			return other, "" // a namespace
		}
		rest, inside := strings.CutPrefix(key, root)
		section, rest, _ = strings.Cut(rest, ".")
		if !inside || rest == "" {
			return other, named(key)
		}
		switch {
		case lower && section == "system":
			return system, joined(rest)
		case lower && section == "eventdata":
			return data, strings.ToUpper(rest[:1]) + rest[1:]
		case section == system:
			return system, element(rest)
		case section == data:
			return data, named(rest)
		case section == user:
			return user, last(rest)
		}
		return other, last(rest)
	}
}

// element names what stands in System: its element, and the attribute of it.
func element(rest string) string {
	name, inner, deep := strings.Cut(rest, ".")
	name = strings.TrimSuffix(name, "_attributes")
	inner = strings.TrimPrefix(strings.TrimPrefix(inner, "#attributes."), "@")
	switch {
	case !deep, inner == "#text", inner == "Value", inner == "$", inner == "_", name == "TimeCreated" && inner == "SystemTime":
		return name
	case name == "EventID":
		return inner // Qualifiers
	}
	return name + "_" + inner
}

// named is the name of a field below its section: attributes are called after
// their element, the text of an element as the element. Namespaces are left out.
func named(rest string) string {
	rest = strings.TrimSuffix(rest, ".#text")
	name, attribute, with := strings.Cut(rest, "#attributes.")
	if !with {
		return rest
	}
	if name = strings.TrimSuffix(name, "."); strings.HasPrefix(attribute, "xmlns") {
		return ""
	}
	return strings.TrimPrefix(name+"_"+attribute, "_")
}

// last is the name of the innermost element.
func last(rest string) string {
	name := named(rest)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// joined undoes Wazuh's names of System.
func joined(name string) string {
	if own, known := wazuh[name]; known {
		return own
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// renamed places the keys of objects that have names of their own for System's
// fields.
func renamed(root string, names map[string]string) func(string) (string, string) {
	return func(key string) (section, name string) {
		rest, inside := strings.CutPrefix(key, root)
		if !inside {
			return other, key
		}
		if own, known := names[rest]; known {
			section, own, with := strings.Cut(own, "/")
			if !with {
				return system, section
			}
			return section, own
		}
		for _, p := range sections {
			if name, in := strings.CutPrefix(rest, p.prefix); in {
				if p.section == user {
					return user, last(name)
				}
				return p.section, named(name)
			}
		}
		if names["*"] != "" {
			return names["*"], rest
		}
		return other, rest
	}
}

// sections are the objects that hold an event's own fields.
var sections = []struct{ prefix, section string }{
	{"winlog.event_data.", data}, {"winlog.user_data.", user}, {"event_data.", data}, {"user_data.", user}, {"EventData.", data}, {"UserData.", user},
}

// System's fields in the names of others: Winlogbeat's documentation ("Exported
// fields", version 8 and 6), System.Diagnostics.Eventing.Reader.EventLogRecord,
// NXLog's im_msvistalog, Wazuh's decoded Windows events. "*" is where all other
// fields belong.
var (
	winlogbeat = map[string]string{
		"winlog.event_id": "EventID", "winlog.channel": "Channel", "winlog.computer_name": "Computer", "winlog.provider_name": "Provider_Name",
		"winlog.provider_guid": "Provider_Guid", "winlog.record_id": "EventRecordID", "winlog.process.pid": "Execution_ProcessID",
		"winlog.process.thread.id": "Execution_ThreadID", "winlog.user.identifier": "Security_UserID", "winlog.version": "Version",
		"winlog.activity_id": "Correlation_ActivityID", "@timestamp": "TimeCreated", "message": "Other/Message",
	}
	winlogbeat6 = map[string]string{
		"event_id": "EventID", "log_name": "Channel", "computer_name": "Computer", "source_name": "Provider_Name", "provider_guid": "Provider_Guid",
		"record_number": "EventRecordID", "process_id": "Execution_ProcessID", "thread_id": "Execution_ThreadID", "user.identifier": "Security_UserID",
		"version": "Version", "activity_id": "Correlation_ActivityID", "@timestamp": "TimeCreated", "message": "Other/Message",
	}
	powershell = map[string]string{
		"Id": "EventID", "LogName": "Channel", "MachineName": "Computer", "ProviderName": "Provider_Name", "ProviderId": "Provider_Guid",
		"RecordId": "EventRecordID", "ProcessId": "Execution_ProcessID", "ThreadId": "Execution_ThreadID", "UserId": "Security_UserID",
		"UserId.Value": "Security_UserID", "TimeCreated": "TimeCreated", "TimeCreated.value": "TimeCreated", "ActivityId": "Correlation_ActivityID",
		"Version": "Version", "Level": "Level", "Task": "Task", "Opcode": "Opcode", "Keywords": "Keywords", "Qualifiers": "Qualifiers",
		"Properties": "EventData/Data", "Message": "Other/Message",
	}
	flat = map[string]string{
		"EventID": "EventID", "EventId": "EventID", "Channel": "Channel", "Hostname": "Computer", "Computer": "Computer", "ComputerName": "Computer",
		"SourceName": "Provider_Name", "Provider": "Provider_Name", "ProviderName": "Provider_Name", "Provider_Name": "Provider_Name",
		"ProviderGuid": "Provider_Guid", "Provider_Guid": "Provider_Guid", "RecordNumber": "EventRecordID", "EventRecordID": "EventRecordID",
		"TimeCreated": "TimeCreated", "Message": "Other/Message", "EventTime": "Other/EventTime", "_time": "Other/_time", "@timestamp": "Other/@timestamp",
		"_path": "Other/_path", "_record": "Other/_record", "_line": "Other/_line", "_format": "Other/_format", "*": data,
	}
	wazuh = map[string]string{
		"providerName": "Provider_Name", "providerGuid": "Provider_Guid", "eventSourceName": "Provider_EventSourceName", "eventID": "EventID",
		"systemTime": "TimeCreated", "eventRecordID": "EventRecordID", "processID": "Execution_ProcessID", "threadID": "Execution_ThreadID",
	}
)

// ecs are the names of events by those of the Elastic Common Schema: Winlogbeat's
// module for Sysmon moves them there.
var ecs = []call{
	{"Image", "process.executable"}, {"CommandLine", "process.command_line"}, {"CurrentDirectory", "process.working_directory"},
	{"ProcessId", "process.pid"}, {"ProcessGuid", "process.entity_id"}, {"OriginalFileName", "process.pe.original_file_name"},
	{"Description", "process.pe.description"}, {"Product", "process.pe.product"}, {"Company", "process.pe.company"}, {"Imphash", "process.pe.imphash"},
	{"ParentImage", "process.parent.executable"}, {"ParentCommandLine", "process.parent.command_line"}, {"ParentProcessId", "process.parent.pid"},
	{"User", "user.name"}, {"TargetFilename", "file.path"}, {"ImageLoaded", "file.path"}, {"TargetObject", "registry.path"}, {"Details", "registry.data.strings"},
	{"QueryName", "dns.question.name"}, {"SourceIp", "source.ip"}, {"SourcePort", "source.port"}, {"DestinationIp", "destination.ip"},
	{"DestinationPort", "destination.port"}, {"DestinationHostname", "destination.domain"}, {"PipeName", "file.name"},
}
