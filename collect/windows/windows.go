// Package windows reads what starts by itself on a Windows system, who may enter it,
// and which guards were taken away: services, Run keys and their relatives, tasks,
// startup folders, event consumers of WMI, modules of IIS, accounts, Defender,
// firewall, logging. From an image it reads hives and files, live the registry and
// files, and both give the same.
//
// Limits: 1 MiB a file, 8,192 files a family, 64 Ki keys a family, 64 MiB of the WMI
// repository, 1,024 users. What is over a limit is a gap. Hashes of passwords are
// never read.
package windows

import (
	"context"
	"io"
	"time"

	"postern/collect/family"
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
	r := &reader{Reader: family.New(ctx, "windows", src, out)}
	defer r.close()
	r.openRegistry()
	r.Read("services", r.services)
	r.Read("autostart keys", r.machineSpots)
	r.Read("users' autostart keys", r.userSpots)
	r.Read("scheduled tasks", r.tasks)
	r.Read("startup folders", r.startup)
	r.Read("event consumers of WMI", r.wmi)
	r.Read("modules of the web server", r.modules)
	r.Read("accounts", r.accounts)
	r.Read("guards", r.guards)
	r.Gap(evidence.CoverState, "persistence", evidence.Unsupported,
		"BITS jobs, policies' script files, and traces of what ran (Amcache, Prefetch and relatives) are not yet read by this version")
	return ctx.Err()
}

// reader reads one source.
type reader struct {
	*family.Reader
	reg    evidence.Registry // HKLM, and live HKU
	live   bool
	open   []io.Closer // hives
	users  []user
	keys   int               // read of the family in hand
	over   string            // the family whose keys are too many
	system *bool             // whether the system's own programs are here; nil: not looked for
	absent map[string]bool   // hives that are not there, said
	files  map[string]string // of the machine's hives, by their names
}

func (r *reader) close() {
	for _, f := range r.open {
		_ = f.Close()
	}
}

// start hands an autostart on: what stands at path, a file of the source or a key, and
// was last changed at.
func (r *reader) start(at time.Time, path, kind, name, command, user, object, details, state string) {
	image := imageOf(command)
	r.Observe(&evidence.Observation{
		Kind: evidence.ObserveAutostart, Time: at, Ref: evidence.Ref{Path: path, Text: command},
		Values: []string{kind, name, command, image, r.found(details, image), user, object, details, state},
	})
}

// setting hands a setting on.
func (r *reader) setting(key *evidence.RegistryKey, kind, name, details, image, user, object string) {
	o := evidence.Observation{Kind: evidence.ObserveSetting, Time: key.Written, Ref: evidence.Ref{Path: key.Path, Text: details}}
	o.Values = []string{kind, name, details, image, user, object}
	r.Observe(&o)
}
