package collect

import (
	"strings"
	"time"

	"postern/evidence"
)

// uninstallKeys are where installers register, in both views.
var uninstallKeys = []string{
	`HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall`,
	`HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall`,
}

// fromUninstall finds installations by their uninstall entries, which also
// tell when they were made.
func (f *finder) fromUninstall() {
	if f.reg == nil {
		return
	}
	for _, root := range uninstallKeys {
		list := f.regKey(root)
		if list == nil {
			continue
		}
		for _, name := range list.Subkeys {
			if f.ctx.Err() != nil {
				return
			}
			if key := f.regKey(root + `\` + name); key != nil {
				f.fromEntry(key)
			}
		}
	}
}

// fromEntry reads one uninstall entry.
func (f *finder) fromEntry(key *evidence.RegistryKey) {
	title := key.Value("DisplayName").Text
	for i := range f.want.Products {
		p := &f.want.Products[i]
		if !matches(p.Uninst, title) {
			continue
		}
		at := f.entrySite(p, key)
		version := key.Value("DisplayVersion").Text
		ref := evidence.Ref{Collector: "products", Path: key.Path, Text: title + " " + version}
		at.signals = append(at.signals, evidence.Signal{Kind: evidence.SignalUninstall, Version: version, Confidence: evidence.Likely, Ref: ref})
		if !key.Written.IsZero() {
			at.changes = append(at.changes, evidence.Change{Kind: evidence.ChangeRegistry, At: key.Written, Ref: ref})
		}
		if day, ok := f.installDay(key.Value("InstallDate").Text); ok {
			ref.Text = "InstallDate " + key.Value("InstallDate").Text
			at.changes = append(at.changes, evidence.Change{Kind: evidence.ChangeInstallDate, At: day, Ref: ref})
		}
	}
}

// entrySite returns the installation an entry belongs to: the folder it names,
// else the only one of the product there is, else one of its own.
func (f *finder) entrySite(p *evidence.Product, key *evidence.RegistryKey) *site {
	folder := strings.Trim(key.Value("InstallLocation").Text, `" `)
	if name, ok := f.src.Locate(folder); ok && folder != "" && f.src.Files != nil {
		return f.site(p, f.spelled(f.rootOf(p, name)))
	}
	var only *site
	for _, k := range f.order {
		if at := f.sites[k]; at.product == p && at.root != "" {
			if only != nil {
				return f.named(p, key.Path)
			}
			only = at
		}
	}
	if only != nil {
		return only
	}
	return f.named(p, key.Path)
}

// installDay reads an InstallDate ("20260115"): the day's end in the host's
// zone is the latest instant it allows.
func (f *finder) installDay(text string) (time.Time, bool) {
	zone := f.src.ID.Zone
	if zone == nil {
		zone = time.UTC
	}
	day, err := time.ParseInLocation("20060102", strings.TrimSpace(text), zone)
	if err != nil {
		return time.Time{}, false // absent or in an installer's own form: one trace less
	}
	return day.AddDate(0, 0, 1).Add(-time.Second), true
}
