// Package windows reads what starts by itself on a Windows system, who may enter it,
// and which guards were taken away: services, Run keys and their relatives, tasks,
// startup folders, event consumers of WMI, modules of IIS, accounts, Defender,
// firewall, logging. From an image it reads hives and files, live the registry and
// files, and both give the same.
//
// Limits: 1 MiB a file (16 MiB of IIS' configuration), 8,192 files a family, 64 MiB of the WMI
// repository, and those of package winreg. What is over a limit is a gap. Hashes of passwords are
// never read.
package windows

import (
	"cmp"
	"context"
	"strings"
	"time"

	"postern/collect/family"
	"postern/collect/winreg"
	"postern/evidence"
)

// New returns the collector; it may be run over any number of sources at once.
func New() evidence.Collector { return collector{} }

type collector struct{}

func (collector) Name() string          { return "windows" }
func (collector) Needs() evidence.Need  { return evidence.NeedFiles }
func (collector) Parts() evidence.Parts { return evidence.CompromisedNow }

// Collect implements evidence.Collector.
func (collector) Collect(ctx context.Context, src *evidence.Source, _ *evidence.Interest, out evidence.Sink) error {
	if src.Files == nil || src.ID.OS != evidence.Windows || src.Alone || src.Kind == evidence.KindLogs {
		return nil
	}
	r := &reader{Registry: winreg.New(family.New(ctx, "windows", src, out), "it tells what starts by itself, who may enter, and what ran")}
	defer r.Close()
	r.Read("services", r.services)
	r.Read("autostart keys", r.machineSpots)
	r.Read("users' autostart keys", r.userSpots)
	r.Read("scheduled tasks", r.tasks)
	r.Read("startup folders", r.startup)
	r.Read("scripts of policies", r.policyScripts)
	r.Read("event consumers of WMI", r.wmi)
	r.Read("modules of the web server", r.modules)
	r.Read("accounts", r.accounts)
	r.Read("guards", r.guards)
	r.Gap(evidence.CoverState, "persistence", evidence.Unsupported,
		"BITS jobs, the audit policy, and extensions of Office and browsers are not yet read by this version")
	return ctx.Err()
}

// reader reads one source.
type reader struct {
	*winreg.Registry
	system *bool // whether the system's own programs are here; nil: not looked for
}

// autostart is one to be handed on.
type autostart struct {
	ref     evidence.Ref // its Path alone, or with a place in the file
	at      time.Time    // the newest of the times of what says so
	kind    string
	name    string
	command string
	image   string       // "": what the command runs
	who     *winreg.User // whose variables are meant; nil: the machine's
	user    string       // as whom; "" with who: that user
	object  string
	details string
	state   string
}

// start hands an autostart on.
func (r *reader) start(a autostart) {
	home := ""
	if a.who != nil {
		a.user, home = cmp.Or(a.user, a.who.Name), a.who.Home
	}
	a.image = imageOf(personal(cmp.Or(a.image, a.command), home))
	a.ref.Text = a.command
	r.Observe(&evidence.Observation{
		Kind: evidence.ObserveAutostart, Time: a.at, Ref: a.ref,
		Values: []string{a.kind, a.name, a.command, a.image, r.found(a.details, a.image), a.user, a.object, a.details, a.state},
	})
}

// ofValue begins an autostart that a value of a key names; "" is the key's own.
func (r *reader) ofValue(key *evidence.RegistryKey, value, kind, name, command string) autostart {
	object := strings.TrimSuffix(key.Path+`\`+value, `\`)
	return autostart{ref: evidence.Ref{Path: r.Where(object)}, at: key.Written, kind: kind, name: name, command: command, object: object}
}

// setting hands a setting on, which stands at object in the registry.
func (r *reader) setting(key *evidence.RegistryKey, kind, name, details, image, user, object string) {
	o := evidence.Observation{Kind: evidence.ObserveSetting, Time: key.Written, Ref: evidence.Ref{Path: r.Where(object), Text: details}}
	o.Values = []string{kind, name, details, image, user, object}
	r.Observe(&o)
}
