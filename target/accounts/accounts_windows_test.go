package accounts

import (
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// TestAccountsOnWindows: the accounts are told, with SIDs that are some.
func TestAccountsOnWindows(t *testing.T) {
	all, err := List(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, a := range all {
		if a.Name == "" && a.SID == "" || a.SID != "" && !strings.HasPrefix(a.SID, "S-1-5-") {
			t.Errorf("%+v", a)
		}
	}
	// As mingw's lmaccess.h lays them out for 64 bits.
	var u userInfo
	got := []uintptr{unsafe.Sizeof(u), unsafe.Offsetof(u.passwordAge), unsafe.Offsetof(u.flags), unsafe.Offsetof(u.lastLogon), unsafe.Offsetof(u.logonHours),
		unsafe.Offsetof(u.logonServer), unsafe.Offsetof(u.id), unsafe.Offsetof(u.profile), unsafe.Sizeof(shortInfo{})}
	if want := []uintptr{184, 16, 40, 96, 120, 136, 152, 160, 32}; !slices.Equal(got, want) {
		t.Errorf("laid out as %d, not %d", got, want)
	}
}
