package linux

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/collect/family"
	"postern/evidence"
)

// secret is what shadow tells of a password, without the hash.
type secret struct {
	state   string
	changed string    // RFC 3339; "" where there is no password
	day     time.Time // when the line was last changed
}

// accounts reads passwd(5), shadow(5) and group(5).
func (r *reader) accounts() {
	shadow, groups := map[string]secret{}, map[string][]string{}
	r.account("/etc/shadow", 3, func(_ *file, _ int64, v []string) { shadow[v[0]] = secretOf(v[1], v[2]) })
	r.account("/etc/group", 4, func(_ *file, _ int64, v []string) {
		for _, member := range strings.Split(v[3], ",") {
			groups[member] = append(groups[member], v[0])
		}
	})
	r.account("/etc/passwd", 7, func(f *file, at int64, v []string) {
		if strings.HasPrefix(v[5], "/") && v[5] != "/" {
			if len(r.users) == family.MaxFiles {
				r.Gap(evidence.CoverFile, string(f.Name), evidence.TooLarge, fmt.Sprintf("more than %d users with homes; those of the rest were not looked at", family.MaxFiles))
			}
			r.users = append(r.users, user{v[0], strings.TrimRight(v[5], "/")})
		}
		s, known := shadow[v[0]]
		if v[1] == "" {
			s.state = "no-password"
		} else if v[1] != "x" && !known {
			s = secretOf(v[1], "")
		}
		slices.Sort(groups[v[0]])
		shown := strings.Join([]string{v[0], "x", v[2], v[3], v[4], v[5], v[6]}, ":") // a hash may stand in the second field
		r.Observe(&evidence.Observation{
			Kind: evidence.ObserveAccount, Time: s.day, // the file's own is that of whichever account changed last
			Ref:    evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: at, Text: shown},
			Values: []string{v[0], v[2], strings.Join(groups[v[0]], ","), s.state, "", s.changed, v[6], f.Path, v[4]},
		})
	})
	if !slices.ContainsFunc(r.users, func(u user) bool { return u.home == "/root" }) {
		r.users = append(r.users, user{"root", "/root"})
	}
	r.users = r.users[:min(len(r.users), family.MaxFiles)]
	seen := map[string]bool{} // many accounts of services share a home
	r.users = slices.DeleteFunc(r.users, func(u user) bool {
		twice := seen[u.home]
		seen[u.home] = true
		return twice
	})
}

// account reads a file of lines of so many fields or more; others are damaged.
func (r *reader) account(path string, fields int, fn func(f *file, at int64, fields []string)) {
	name, ok := r.Src.Locate(path)
	if !ok {
		return
	}
	found := false
	_ = r.Src.Files.Walk(r.Ctx, name, func(e evidence.Entry) error {
		if found = e.Mode.IsRegular(); !found {
			return nil
		}
		r.Files++
		r.Open(e, path, maxAccount, func(read *family.File) {
			f := &file{read, string(read.Data)}
			odd := 0
			r.lines(f, func(at int64, line string) {
				if v := strings.Split(line, ":"); len(v) >= fields {
					fn(f, at, v)
				} else {
					odd++
				}
			})
			if odd > 0 {
				r.Gap(evidence.CoverFile, string(f.Name), evidence.Damaged, fmt.Sprintf("%d lines of fewer than %d fields: of another directory of users, or damaged", odd, fields))
			}
		})
		return nil
	})
	if !found && r.Ctx.Err() == nil {
		why := evidence.Absent
		if r.Src.Partial {
			why = evidence.NotCollected
		}
		r.Out.Cover(evidence.Gap(evidence.CoverFile, string(name), evidence.CompromisedNow, why, "it names the accounts of the machine"))
	}
}

func secretOf(hash, days string) (s secret) {
	switch {
	case hash == "":
		s.state = "no-password"
	case strings.HasPrefix(hash, "!"), strings.HasPrefix(hash, "*"):
		s.state = "locked"
	}
	if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 1<<20 {
		if s.day = time.Unix(int64(n)*86400, 0).UTC(); s.state == "" {
			s.changed = s.day.Format(time.RFC3339)
		}
	}
	return s
}

// sudoers reads who may become root (sudoers(5)).
func (r *reader) sudoers() {
	for _, path := range []string{"/etc/sudoers", "/etc/sudoers.d"} {
		r.each(path, 0, func(f *file) {
			r.lines(f, func(at int64, line string) {
				if user := strings.Fields(line)[0]; !strings.HasPrefix(line, "Defaults") && !strings.HasPrefix(line, "@") && !strings.HasSuffix(user, "_Alias") {
					r.setting(f, at, evidence.SettingPrivilege, "sudoers", line, "", user)
				}
			})
		})
	}
}

// opens are settings of sshd that say who comes in (sshd_config(5)).
var opens = map[string]bool{"permitrootlogin": true, "authorizedkeyscommand": true, "authorizedkeysfile": true, "passwordauthentication": true,
	"permitemptypasswords": true, "forcecommand": true, "gatewayports": true, "trustedusercakeys": true}

// remote reads who may log on from afar, and which names are led elsewhere.
func (r *reader) remote() {
	for _, path := range []string{"/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"} {
		r.each(path, 0, func(f *file) {
			r.lines(f, func(at int64, line string) {
				key, value, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
				if opens[strings.ToLower(key)] {
					r.setting(f, at, evidence.SettingRemote, key, strings.TrimSpace(value), "", "")
				}
			})
		})
	}
	for _, u := range r.users {
		for _, name := range []string{"/.ssh/authorized_keys", "/.ssh/authorized_keys2"} {
			r.each(u.home+name, 0, func(f *file) {
				r.lines(f, func(at int64, line string) { r.key(f, at, line, u.name) })
			})
		}
	}
	r.each("/etc/hosts", 0, func(f *file) {
		r.lines(f, func(at int64, line string) {
			r.setting(f, at, evidence.SettingName, "hosts", strings.Join(strings.Fields(line), " "), "", "")
		})
	})
}

var publicKey = regexp.MustCompile(`(?:^|\s)((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-zA-Z0-9@.-]+)\s+([A-Za-z0-9+/]+=*)\s*(.*)$`)

// key hands a key on that opens an account, by the fingerprint that ssh-keygen -l
// prints (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
func (r *reader) key(f *file, at int64, line, user string) {
	m := publicKey.FindStringSubmatchIndex(line)
	if m == nil {
		r.setting(f, at, evidence.SettingKey, "a line that holds no known kind of key", "", "", user)
		return
	}
	kind, blob, comment, options := line[m[2]:m[3]], line[m[4]:m[5]], line[m[6]:m[7]], strings.TrimSpace(line[:m[2]])
	fingerprint := "undecodable"
	if raw, err := base64.StdEncoding.DecodeString(blob); err == nil {
		sum := sha256.Sum256(raw)
		fingerprint = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	}
	r.setting(f, at, evidence.SettingKey, fmt.Sprintf("%s %s %s", kind, fingerprint, comment), options, "", user)
}
