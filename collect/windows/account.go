package windows

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/collect/winreg"
	"postern/evidence"
)

// Keys of the SAM hive.
const (
	samUsers   = `SAM\Domains\Account\Users`
	samAccount = `SAM\Domains\Account`
	samBuiltin = `SAM\Domains\Builtin\Aliases`
	samAliases = `SAM\Domains\Account\Aliases`
)

// Bits of an account's control field ([MS-SAMR] 2.2.1.12).
const (
	accountDisabled = 0x0001
	noPasswordAsked = 0x0004
	passwordStays   = 0x0200
	accountLocked   = 0x0400
)

// accounts observes the local accounts, with the groups they are in. Hashes are left
// where they are.
func (r *reader) accounts() {
	if r.Live {
		r.liveAccounts()
		return
	}
	h, at, err := r.Hive(winreg.Config+"SAM", true)
	if err != nil {
		return
	}
	r.accountsOf(h.Key, at)
}

// liveAccounts observes the accounts that the running system tells, which shows its
// SAM to itself alone.
func (r *reader) liveAccounts() {
	lists, ok := r.Src.State.(evidence.Accounts)
	if !ok {
		r.Gap(evidence.CoverState, r.Name, evidence.Unsupported, "the system does not tell its local accounts; an image or a saved SAM hive does")
		return
	}
	all, err := lists.Accounts(r.Ctx)
	if err != nil && r.Ctx.Err() == nil {
		r.Lost(evidence.CoverState, r.Name, fmt.Errorf("windows: local accounts: %w; an image or a saved SAM hive tells them", err))
	}
	hidden := r.hiddenAccounts()
	for _, a := range all {
		r.Files++
		var states, details []string
		for _, s := range []struct {
			is   bool
			into *[]string
			word string
		}{{a.Disabled, &states, "disabled"}, {a.Locked, &states, "locked"}, {a.NoPassword, &details, "needs no password"}, {a.PasswordStays, &details, "its password never expires"},
			{a.Name == "", &details, "no account of this machine"}, {hidden[strings.ToLower(a.Name)], &details, "left out of the logon screen"}} {
			if s.is {
				*s.into = append(*s.into, s.word)
			}
		}
		object := "account " + cmp.Or(a.Name, a.SID)
		o := evidence.Observation{Kind: evidence.ObserveAccount, Time: a.PasswordSet, Ref: evidence.Ref{Path: object, Text: a.Name}}
		o.Values = []string{a.Name, a.SID, strings.Join(a.Groups, ","), strings.Join(states, ","), written(a.LastLogon), written(a.PasswordSet), "", object, strings.Join(details, ", ")}
		r.Observe(&o)
	}
}

func (r *reader) accountsOf(keys winreg.Keys, at string) {
	read := func(path string) *evidence.RegistryKey { return r.Get(keys, path, at+`\`) }
	users := read(samUsers)
	if users == nil {
		r.Lost(evidence.CoverHive, at, fmt.Errorf("windows: no list of accounts: %w", evidence.ErrTruncated))
		return
	}
	machine := ""
	if key := read(samAccount); key != nil {
		if v := key.Value("V").Data; len(v) >= 24 {
			machine = sidText(append([]byte{1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0}, v[len(v)-12:]...))
		}
	}
	if machine == "" {
		r.Gap(evidence.CoverHive, at, evidence.Damaged, "the machine's SID is not told: built-in accounts and members of groups are not told apart")
	}
	groups := map[string][]string{} // by member's SID
	for _, top := range []string{samBuiltin, samAliases} {
		r.groupsOf(read, top, groups)
	}
	hidden := r.hiddenAccounts()
	for _, name := range users.Subkeys {
		rid, err := strconv.ParseUint(name, 16, 32)
		if err != nil {
			continue // Names
		}
		if key := read(samUsers + `\` + name); key != nil {
			r.accountOf(key, fmt.Sprintf("%s-%d", machine, rid), uint32(rid), groups, hidden)
		}
	}
	r.strangers(at, machine, groups)
}

// hiddenAccounts are names that the logon screen leaves out.
func (r *reader) hiddenAccounts() map[string]bool {
	all := map[string]bool{}
	if key := r.Machine(`HKLM\` + software + nt + `Winlogon\SpecialAccounts\UserList`); key != nil {
		for _, v := range key.Values {
			all[strings.ToLower(v.Name)] = v.Number == 0 && v.Type != 0
		}
	}
	return all
}

// letsIn are the groups of a machine whose members may do everything, or log on from
// afar, by their numbers ([MS-DTYP] 2.4.2.4).
var letsIn = map[uint64]string{544: "Administrators", 551: "Backup Operators", 555: "Remote Desktop Users", 562: "Distributed COM Users", 580: "Remote Management Users"}

// strangers observes members of groups that let in who are no accounts of this machine:
// of a domain, or deleted ones.
func (r *reader) strangers(at, machine string, groups map[string][]string) {
	for _, sid := range slices.Sorted(maps.Keys(groups)) {
		if strings.HasPrefix(sid, machine+"-") || !strings.HasPrefix(sid, "S-1-5-21-") {
			continue
		}
		if slices.ContainsFunc(groups[sid], func(g string) bool { return slices.Contains(slices.Collect(maps.Values(letsIn)), g) }) {
			o := evidence.Observation{Kind: evidence.ObserveAccount, Ref: evidence.Ref{Path: at + `\` + samBuiltin, Text: sid}}
			o.Ref.Path += `\Members\` + sid
			o.Values = []string{"", sid, strings.Join(groups[sid], ","), "", "", "", "", o.Ref.Path, "no account of this machine"}
			r.Observe(&o)
		}
	}
}

// groupsOf notes who is in the groups of a domain of the SAM.
func (r *reader) groupsOf(read func(string) *evidence.RegistryKey, top string, groups map[string][]string) {
	list := read(top)
	if list == nil {
		return
	}
	for _, id := range list.Subkeys {
		rid, err := strconv.ParseUint(id, 16, 32)
		if err != nil {
			continue // Members, Names
		}
		key := read(top + `\` + id)
		if key == nil {
			continue
		}
		name, members, whole := groupOf(key.Value("C").Data)
		if !whole {
			r.Lost(evidence.CoverHive, key.Path, fmt.Errorf("windows: group: %w", evidence.ErrTruncated))
		}
		if known := letsIn[rid]; known != "" && top == samBuiltin {
			name = known // whatever the system's language
		}
		for _, m := range members {
			groups[m] = append(groups[m], name)
		}
	}
}

// groupOf reads the C value of a group: a head of 52 bytes that says where the name and
// the members' SIDs stand behind it; whole says that all of them could be read.
func groupOf(c []byte) (name string, members []string, whole bool) {
	const head = 0x34
	if len(c) < head {
		return "", nil, false
	}
	number := func(at int) int64 { return int64(binary.LittleEndian.Uint32(c[at:])) }
	name = winreg.Text(part(c, head+number(0x10), number(0x14)))
	rest := part(c, head+number(0x28), int64(len(c))-head-number(0x28))
	for range number(0x30) { // each takes bytes: a false number ends with them
		sid := sidText(rest)
		if sid == "" {
			return name, members, false
		}
		members = append(members, sid)
		rest = rest[8+4*int(rest[1]):]
	}
	return name, members, true
}

// part cuts data at hostile offsets.
func part(data []byte, from, size int64) []byte {
	if from < 0 || size < 0 || from > int64(len(data)) || size > int64(len(data))-from {
		return nil
	}
	return data[from : from+size]
}

// sidText writes the SID at the beginning of data ([MS-DTYP] 2.4.2.1); "" if there is none.
func sidText(data []byte) string {
	if len(data) < 8 || data[0] != 1 || len(data) < 8+4*int(data[1]) || data[1] > 15 {
		return ""
	}
	authority := uint64(binary.BigEndian.Uint16(data[2:]))<<32 | uint64(binary.BigEndian.Uint32(data[4:]))
	text := fmt.Sprintf("S-1-%d", authority)
	for i := range int(data[1]) {
		text += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(data[8+4*i:]))
	}
	return text
}

// accountOf observes one account, by its F value (times and control field) and the name
// in its V value.
func (r *reader) accountOf(key *evidence.RegistryKey, sid string, rid uint32, groups map[string][]string, hidden map[string]bool) {
	const head = 0xcc
	f, v := key.Value("F").Data, key.Value("V").Data
	if len(f) < 0x3a || len(v) < head {
		r.Lost(evidence.CoverHive, key.Path, fmt.Errorf("windows: account: %w", evidence.ErrTruncated))
		return
	}
	name := winreg.Text(part(v, head+int64(binary.LittleEndian.Uint32(v[0x0c:])), int64(binary.LittleEndian.Uint32(v[0x10:]))))
	control := binary.LittleEndian.Uint16(f[0x38:])
	var states, details []string
	for _, s := range []struct {
		bit  uint16
		into *[]string
		word string
	}{{accountDisabled, &states, "disabled"}, {accountLocked, &states, "locked"}, {noPasswordAsked, &details, "needs no password"}, {passwordStays, &details, "its password never expires"}} {
		if control&s.bit != 0 {
			*s.into = append(*s.into, s.word)
		}
	}
	if acts := binary.LittleEndian.Uint32(f[0x30:]); acts != rid && acts != 0 {
		details = append(details, fmt.Sprintf("it acts as the account of number %d", acts))
	}
	if hidden[strings.ToLower(name)] {
		details = append(details, "left out of the logon screen")
	}
	set, logon := winreg.Filetime(f[0x18:]), winreg.Filetime(f[0x08:])
	at := set // the newest of the account's own times that a change makes
	o := evidence.Observation{Kind: evidence.ObserveAccount, Time: at, Ref: evidence.Ref{Path: key.Path, Text: name}}
	o.Values = []string{name, sid, strings.Join(groups[sid], ","), strings.Join(states, ","), written(logon), written(set), "", key.Path, strings.Join(details, ", ")}
	r.Observe(&o)
}

func written(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}
