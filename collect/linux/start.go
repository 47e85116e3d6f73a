package linux

import (
	"regexp"
	"strings"

	"postern/evidence"
)

// unitFolders are where systemd looks for units (systemd.unit(5), "Unit File Load
// Path"); /lib leads to /usr/lib where that is there.
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
	"/etc/systemd/user", "/usr/lib/systemd/user"}

// unitFile is a unit, or a drop-in of one.
var unitFile = regexp.MustCompile(`(^|/)([^/]+\.(service|timer|socket|path))(\.d/[^/]+\.conf)?$`)

func (r *reader) units() {
	folders := unitFolders
	for _, u := range r.users {
		folders = append(folders, u.home+"/.config/systemd/user")
	}
	seen := map[evidence.Name]bool{}
	for _, folder := range folders {
		r.each(folder, 2, func(f *file) {
			name := f.Name
			if f.Real != "" {
				name = f.Real
			}
			if m := unitFile.FindStringSubmatch(f.Path); m != nil && !seen[name] {
				seen[name] = true
				r.unit(f, m[2])
			}
		})
	}
	for _, folder := range []string{"/etc/systemd/system-generators", "/usr/local/lib/systemd/system-generators", "/run/systemd/system-generators"} {
		r.each(folder, 1, func(f *file) { r.start(f, 0, evidence.StartInit, f.Path, f.Path, "root", "a generator of systemd") })
	}
}

// unit reads the commands of a unit (systemd.service(5), systemd.timer(5)).
func (r *reader) unit(f *file, name string) {
	user := ""
	r.lines(f, func(_ int64, line string) {
		if value, ok := strings.CutPrefix(line, "User="); ok {
			user = strings.TrimSpace(value)
		}
	})
	r.lines(f, func(at int64, line string) {
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !ok || value == "":
		case strings.HasPrefix(key, "Exec"):
			r.start(f, at, evidence.StartUnit, name, value, user, key)
		case strings.HasPrefix(key, "On") && strings.HasSuffix(name, ".timer"):
			r.observe(evidence.ObserveAutostart, f, at, line, evidence.StartTimer, name, "", "", "", "", f.Path, line)
		case key == "Environment" && strings.Contains(value, "LD_PRELOAD="):
			_, libs, _ := strings.Cut(value, "LD_PRELOAD=")
			r.preloaded(f, at, strings.Trim(libs, `"'`))
		}
	})
}

var (
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\s*=`)
	cronTime   = regexp.MustCompile(`^(@[a-z]+|(\S+\s+){4}\S+)\s+`)
)

func (r *reader) cron() {
	r.each("/etc/crontab", 0, func(f *file) { r.crontab(f, true) })
	r.each("/etc/cron.d", 1, func(f *file) { r.crontab(f, true) })
	for _, folder := range []string{"/var/spool/cron/crontabs", "/var/spool/cron"} {
		r.each(folder, 0, func(f *file) { r.crontab(f, false) })
	}
	for _, every := range []string{"hourly", "daily", "weekly", "monthly"} {
		r.each("/etc/cron."+every, 1, func(f *file) { r.script(f, evidence.StartCron, "root") })
	}
	r.each("/etc/anacrontab", 0, func(f *file) {
		r.lines(f, func(at int64, line string) {
			if fields := strings.Fields(line); len(fields) > 3 && !assignment.MatchString(line) {
				r.start(f, at, evidence.StartCron, fields[2], strings.Join(fields[3:], " "), "root", "")
			}
		})
	})
	for _, folder := range []string{"/var/spool/cron/atjobs", "/var/spool/at"} {
		r.each(folder, 0, func(f *file) { r.script(f, evidence.StartCron, "") })
	}
}

// crontab reads a table of cron (crontab(5)); named says that a user stands before
// each command.
func (r *reader) crontab(f *file, named bool) {
	base := f.Path[strings.LastIndexByte(f.Path, '/')+1:]
	r.lines(f, func(at int64, line string) {
		if assignment.MatchString(line) {
			if value, ok := strings.CutPrefix(line, "LD_PRELOAD="); ok {
				r.preloaded(f, at, value)
			}
			return
		}
		when := cronTime.FindString(line)
		command, user := strings.TrimSpace(line[len(when):]), base
		if named {
			user, command, _ = strings.Cut(strings.ReplaceAll(command, "\t", " "), " ")
		}
		r.start(f, at, evidence.StartCron, base, strings.TrimSpace(command), user, strings.TrimSpace(when))
	})
}

// script hands a script on, and each of its lines as a command.
func (r *reader) script(f *file, kind, user string) {
	r.observe(evidence.ObserveAutostart, f, 0, f.Path, kind, f.Path, "", f.Path, "yes", user, f.Path)
	if strings.HasPrefix(f.text, "\x7fELF") || strings.IndexByte(f.text, 0) >= 0 {
		return
	}
	r.lines(f, func(at int64, line string) {
		r.observe(evidence.ObserveAutostart, f, at, line, kind, f.Path, line, "", "", user, f.Path)
	})
}

func (r *reader) scripts() {
	for _, path := range []string{"/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d", "/etc/inittab"} {
		r.each(path, 1, func(f *file) { r.script(f, evidence.StartInit, "root") })
	}
	for _, path := range []string{"/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/profile.d", "/etc/zsh", "/etc/zshenv", "/etc/zprofile", "/etc/skel"} {
		r.each(path, 1, func(f *file) { r.script(f, evidence.StartProfile, "") })
	}
	for _, path := range []string{"/etc/update-motd.d"} {
		r.each(path, 1, func(f *file) { r.script(f, evidence.StartMOTD, "root") })
	}
	for _, path := range []string{"/etc/network/if-up.d", "/etc/network/if-pre-up.d", "/etc/NetworkManager/dispatcher.d", "/etc/networkd-dispatcher", "/etc/dhcp/dhclient-exit-hooks.d"} {
		r.each(path, 2, func(f *file) { r.script(f, evidence.StartInit, "root") })
	}
	for _, u := range r.users {
		for _, name := range []string{".profile", ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".zshrc", ".zshenv", ".zprofile", ".xprofile", ".ssh/rc"} {
			r.each(u.home+"/"+name, 0, func(f *file) { r.script(f, evidence.StartProfile, u.name) })
		}
		r.each(u.home+"/.config/autostart", 0, func(f *file) { r.desktop(f, u.name) })
	}
	r.each("/etc/xdg/autostart", 0, func(f *file) { r.desktop(f, "") })
}

// desktop reads what a session starts (Desktop Application Autostart Specification).
func (r *reader) desktop(f *file, user string) {
	r.lines(f, func(at int64, line string) {
		if command, ok := strings.CutPrefix(line, "Exec="); ok {
			r.start(f, at, evidence.StartDesktop, f.Path, command, user, "")
		}
	})
}

// preload reads what is loaded into every program (ld.so(8)) and into the kernel.
func (r *reader) preload() {
	r.each("/etc/ld.so.preload", 0, func(f *file) {
		r.lines(f, func(at int64, line string) { r.preloaded(f, at, line) })
	})
	r.each("/etc/environment", 0, func(f *file) {
		r.lines(f, func(at int64, line string) {
			if value, ok := strings.CutPrefix(strings.TrimPrefix(line, "export "), "LD_PRELOAD="); ok {
				r.preloaded(f, at, strings.Trim(value, `"'`))
			}
		})
	})
	for _, path := range []string{"/etc/modules", "/etc/modules-load.d", "/usr/lib/modules-load.d"} {
		r.each(path, 0, func(f *file) {
			r.lines(f, func(at int64, line string) {
				r.observe(evidence.ObserveAutostart, f, at, line, evidence.StartModule, line, "", "", "", "root", f.Path)
			})
		})
	}
}

func (r *reader) preloaded(f *file, at int64, libs string) {
	r.observe(evidence.ObserveAutostart, f, at, libs, evidence.StartPreload, "LD_PRELOAD", libs, "", "", "", f.Path)
}

// pam reads which modules logons run (pam.d(5)).
func (r *reader) pam() {
	for _, path := range []string{"/etc/pam.d", "/etc/pam.conf"} {
		r.each(path, 0, func(f *file) {
			r.lines(f, func(at int64, line string) {
				for word := range strings.FieldsSeq(line) {
					if strings.HasSuffix(word, ".so") {
						r.observe(evidence.ObserveAutostart, f, at, line, evidence.StartPAM, word, line, word, "", "", f.Path)
						return
					}
				}
			})
		})
	}
}

var (
	udevRun = regexp.MustCompile(`\b(?:RUN|PROGRAM)(?:\{\w+\})?\s*\+?=+\s*"([^"]+)"`)
	aptHook = regexp.MustCompile(`(?i)(?:Pre-Invoke|Post-Invoke(?:-Success)?|Pre-Install-Pkgs|Update::[\w-]+|Post-Invoke-Stats)[^"']*\{?\s*["'](.+)["']`)
)

// hooks reads what devices and package managers start.
func (r *reader) hooks() {
	r.each("/etc/udev/rules.d", 0, func(f *file) {
		r.lines(f, func(at int64, line string) {
			for _, m := range udevRun.FindAllStringSubmatch(line, 8) {
				r.start(f, at, evidence.StartUdev, f.Path, m[1], "root", "")
			}
		})
	})
	for _, path := range []string{"/etc/apt/apt.conf.d", "/etc/apt/apt.conf", "/etc/dpkg/dpkg.cfg.d"} {
		r.each(path, 0, func(f *file) {
			r.lines(f, func(at int64, line string) {
				if m := aptHook.FindStringSubmatch(line); m != nil {
					r.start(f, at, evidence.StartPackageManager, f.Path, m[1], "root", "")
				}
			})
		})
	}
}
