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

// entrySite returns the installation an entry belongs to: the one in the folder
// it names, else the only one of the product that may be meant, else one of its
// own, whose program was not seen.
func (f *finder) entrySite(p *evidence.Product, key *evidence.RegistryKey) *site {
	folder := strings.Trim(key.Value("InstallLocation").Text, `" `)
	if folder == "" || f.src.Files == nil {
		switch at, others := f.meant(p); {
		case at != nil:
			return at
		case others:
			return f.named(p, key.Path)
		}
	} else if name, ok := f.src.Locate(folder); ok {
		return f.siteAt(p, name)
	}
	f.gap(key.Path, evidence.Exposed, f.notHere(), strings.TrimSpace(p.Name+" is registered as installed "+folder)+", and its program was not seen")
	return f.named(p, key.Path)
}

// meant returns the one installation that an entry without a folder can mean:
// what runs rather than what lies there, and never a copy. others is true where
// there are several.
func (f *finder) meant(p *evidence.Product) (at *site, others bool) {
	for _, role := range []evidence.InstallRole{evidence.Active, evidence.RoleUnknown} {
		for _, k := range f.order {
			s := f.sites[k]
			if have, _ := f.role(s); s.product != p || s.root == "" || have != role {
				continue
			}
			if at != nil {
				return nil, true
			}
			at = s
		}
		if at != nil {
			return at, false
		}
	}
	return nil, false
}

// siteAt returns the installation in a folder: the one known there, below it or
// around it, else a new one.
func (f *finder) siteAt(p *evidence.Product, folder evidence.Name) *site {
	name := evidence.Name(f.key(f.rootOf(p, folder)))
	for _, within := range []func(root evidence.Name) bool{
		func(root evidence.Name) bool { return root == name },
		func(root evidence.Name) bool { return root.Within(name) },
		func(root evidence.Name) bool { return name.Within(root) },
	} {
		for _, k := range f.order {
			s := f.sites[k]
			if s.product == p && s.root != "" && within(evidence.Name(f.key(s.root))) {
				return s
			}
		}
	}
	return f.site(p, f.spelled(f.rootOf(p, folder)))
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
