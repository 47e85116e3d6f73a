package windows

import (
	"cmp"
	"fmt"
	"strings"

	"postern/collect/winreg"
	"postern/evidence"
)

// driver is what Details says of a service that is one.
const driver = "driver"

// adapter is a type of a service that has no program (SERVICE_ADAPTER of winnt.h).
const adapter = 4

// services observes the services and drivers, the libraries that shared ones load, and
// those that are given the passwords of logons.
func (r *reader) services() {
	list := r.Machine(services)
	if list == nil {
		return
	}
	for _, name := range list.Subkeys {
		if key := r.Machine(services + `\` + name); key != nil {
			r.service(name, key)
		}
	}
	if len(list.Subkeys) == 0 {
		r.Gap(evidence.CoverState, r.Name, evidence.Absent, fmt.Sprintf("%s has no service", services))
	}
}

func (r *reader) service(name string, key *evidence.RegistryKey) {
	kind, command, value := key.Value("Type").Number, key.Value("ImagePath").Text, "ImagePath"
	library, details, state := "", "", ""
	if kind != 0 && kind < 0x10 {
		details = driver
	} else if library = r.serviceLibrary(key); library != "" {
		details = library
	}
	if command == "" {
		value, command = "", library
		if details == driver && kind != adapter { // what the system loads where nothing is said
			command = `System32\drivers\` + name + ".sys"
		}
	}
	if start := key.Value("Start"); start.Type != 0 && start.Number == 4 {
		state = "disabled"
	}
	a := r.ofValue(key, value, evidence.StartService, name, command)
	a.user, a.details, a.state = key.Value("ObjectName").Text, details, state
	if a.command != "" {
		r.start(a)
	}
	if then := key.Value("FailureCommand").Text; strings.TrimSpace(then) != "" {
		b := r.ofValue(key, "FailureCommand", evidence.StartService, name, then)
		b.user, b.details, b.state = a.user, "when the service fails", a.state
		r.start(b)
	}
	if !winreg.Has(key.Subkeys, "NetworkProvider") {
		return
	}
	if p := r.Machine(key.Path + `\NetworkProvider`); p != nil && p.Value("ProviderPath").Text != "" {
		b := r.ofValue(p, "ProviderPath", evidence.StartService, name, p.Value("ProviderPath").Text)
		b.details = "a library that is given the passwords of logons"
		r.start(b)
	}
}

// serviceLibrary is the library that a shared service loads; a bare name is one of the
// system's folder.
func (r *reader) serviceLibrary(key *evidence.RegistryKey) string {
	library := key.Value("ServiceDll").Text
	if winreg.Has(key.Subkeys, "Parameters") {
		if p := r.Machine(key.Path + `\Parameters`); p != nil {
			library = cmp.Or(p.Value("ServiceDll").Text, library)
		}
	}
	return expanded(library)
}
