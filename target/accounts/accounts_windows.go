package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"postern/evidence"
)

// maxAccounts is how many accounts are listed; on a domain's controller they are those
// of the domain.
const maxAccounts = 8192

// userInfo is USER_INFO_3 of lmaccess.h.
type userInfo struct {
	name, password        *uint16
	passwordAge           uint32 // seconds
	priv                  uint32
	homeDir, comment      *uint16
	flags                 uint32
	scriptPath            *uint16
	authFlags             uint32
	fullName, userComment *uint16
	parms, workstations   *uint16
	lastLogon, lastLogoff uint32 // seconds since 1970; 0: never
	expires, maxStorage   uint32
	unitsPerWeek          uint32
	logonHours            *byte
	badPasswords, logons  uint32
	logonServer           *uint16
	country, codePage     uint32
	id, primaryGroup      uint32
	profile, homeDirDrive *uint16
	passwordExpired       uint32
}

// Flags of an account (lmaccess.h, UF_...).
const (
	flagDisabled   = 0x2
	flagLocked     = 0x10
	flagNoPassword = 0x20
	flagStays      = 0x10000
)

const (
	normalAccounts = 2 // FILTER_NORMAL_ACCOUNT
	asManyAsFit    = 0xffffffff
)

// letIn are the groups whose members may do everything or log on from afar, by their
// SIDs ([MS-DTYP] 2.4.2.4), whatever the system's language.
var letIn = []struct{ sid, name string }{
	{"S-1-5-32-544", "Administrators"}, {"S-1-5-32-551", "Backup Operators"}, {"S-1-5-32-555", "Remote Desktop Users"},
	{"S-1-5-32-562", "Distributed COM Users"}, {"S-1-5-32-580", "Remote Management Users"},
}

// shortInfo is USER_INFO_20, which anybody may ask for.
type shortInfo struct {
	name, fullName, comment *uint16
	flags, id               uint32
}

// List gives the accounts that this machine tells (NetUserEnum,
// NetLocalGroupGetMembers), 8,192 at most. Members of groups that are no accounts of
// it come by their SIDs alone. A partial list comes with an error.
func List(ctx context.Context) ([]evidence.Account, error) {
	now := time.Now()
	host, err := windows.ComputerName()
	if err != nil {
		return nil, fmt.Errorf("accounts: name of this machine: %w", err)
	}
	all, err := enumerate(ctx, 3, func(u *userInfo) (evidence.Account, error) {
		a, err := accountOf(host, u.name, u.flags)
		if u.lastLogon != 0 {
			a.LastLogon = time.Unix(int64(u.lastLogon), 0).UTC()
		}
		if u.passwordAge != 0 {
			a.PasswordSet = now.Add(-time.Duration(u.passwordAge) * time.Second).UTC().Truncate(time.Minute) // an age drifts by seconds
		}
		return a, err
	})
	if err != nil && len(all) == 0 { // without their times
		all, err = enumerate(ctx, 20, func(u *shortInfo) (evidence.Account, error) { return accountOf(host, u.name, u.flags) })
	}
	errs := []error{err}
	for _, g := range letIn {
		members, err := membersOf(g.sid)
		if err != nil {
			errs = append(errs, fmt.Errorf("accounts: members of %s: %w", g.name, err))
		}
		for _, sid := range members {
			i := slices.IndexFunc(all, func(a evidence.Account) bool { return a.SID == sid })
			if i < 0 {
				all, i = append(all, evidence.Account{SID: sid}), len(all)
			}
			all[i].Groups = append(all[i].Groups, g.name)
		}
	}
	return all, errors.Join(append(errs, ctx.Err())...)
}

// enumerate lists accounts at a level of NetUserEnum, whose entries are Ts.
func enumerate[T any](ctx context.Context, level uint32, of func(*T) (evidence.Account, error)) (all []evidence.Account, err error) {
	var resume uint32
	var faults []error
	for ctx.Err() == nil {
		var buf *byte
		var read, total uint32
		err := windows.NetUserEnum(nil, level, normalAccounts, &buf, asManyAsFit, &read, &total, &resume)
		if buf != nil {
			for _, u := range unsafe.Slice((*T)(unsafe.Pointer(buf)), read) {
				a, err := of(&u)
				all, faults = append(all, a), append(faults, err)
			}
			_ = windows.NetApiBufferFree(buf)
		}
		switch {
		case errors.Is(err, windows.ERROR_MORE_DATA) && read > 0 && len(all) < maxAccounts:
		case errors.Is(err, windows.ERROR_MORE_DATA):
			return all, fmt.Errorf("accounts: more than %d accounts: %w", len(all), evidence.ErrLimit)
		case err != nil:
			return all, fmt.Errorf("accounts: list accounts: %w", err)
		default:
			return all, errors.Join(faults...)
		}
	}
	return all, ctx.Err()
}

// accountOf copies what the system tells of one account of a machine; the error says
// that its SID could not be told.
func accountOf(host string, name *uint16, flags uint32) (evidence.Account, error) {
	a := evidence.Account{Name: windows.UTF16PtrToString(name), Disabled: flags&flagDisabled != 0, Locked: flags&flagLocked != 0,
		NoPassword: flags&flagNoPassword != 0, PasswordStays: flags&flagStays != 0}
	sid, _, _, err := windows.LookupSID("", host+`\`+a.Name)
	if err != nil {
		return a, fmt.Errorf("accounts: SID of %s: %w", a.Name, err)
	}
	a.SID = sid.String()
	return a, nil
}

var procMembers = windows.NewLazySystemDLL("netapi32.dll").NewProc("NetLocalGroupGetMembers")

// membersOf lists the SIDs of a local group's members; a group that this system does
// not have has none.
func membersOf(group string) (all []string, err error) {
	sid, err := windows.StringToSid(group)
	if err != nil {
		return nil, err
	}
	name, _, _, err := sid.LookupAccount("")
	if errors.Is(err, windows.ERROR_NONE_MAPPED) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	wide, err := windows.UTF16PtrFromString(name[strings.LastIndexByte(name, '\\')+1:])
	if err != nil {
		return nil, err
	}
	if err := procMembers.Find(); err != nil {
		return nil, err
	}
	var buf *byte
	var read, total uint32
	var resume uintptr
	code, _, _ := procMembers.Call(0, uintptr(unsafe.Pointer(wide)), 0, uintptr(unsafe.Pointer(&buf)), asManyAsFit,
		uintptr(unsafe.Pointer(&read)), uintptr(unsafe.Pointer(&total)), uintptr(unsafe.Pointer(&resume)))
	if buf != nil {
		for _, member := range unsafe.Slice((**windows.SID)(unsafe.Pointer(buf)), read) { // LOCALGROUP_MEMBERS_INFO_0
			all = append(all, member.String())
		}
		_ = windows.NetApiBufferFree(buf)
	}
	if code != 0 {
		return all, syscall.Errno(code)
	}
	return all, nil
}
