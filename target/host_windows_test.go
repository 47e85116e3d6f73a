package target

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"golang.org/x/sys/windows/registry"

	"postern/evidence"
)

func TestLiveRegistry(t *testing.T) {
	r := thisHost(t, Options{}).State.Registry()
	key, err := r.Key(`HKLM\software\Microsoft\WINDOWS NT\CurrentVersion`)
	if err != nil {
		t.Fatal(err)
	}
	if v := key.Value("systemroot"); v.Text == "" || v.Type != registry.SZ {
		t.Errorf("SystemRoot is %+v", v)
	}
	if key.Written.IsZero() || time.Since(key.Written) < 0 || len(key.Subkeys) == 0 {
		t.Errorf("written %v, %d subkeys", key.Written, len(key.Subkeys))
	}
	if services, err := r.Key(`HKLM\SYSTEM\CurrentControlSet\Services`); err != nil || len(services.Subkeys) == 0 {
		t.Errorf("services: %v", err)
	}
	if users, err := r.Key(`HKU`); err != nil || len(users.Subkeys) == 0 {
		t.Errorf("users: %v", err)
	}
	for _, missing := range []string{`HKLM\SOFTWARE\Postern is not here`, `HKCC\x`, ``} {
		if _, err := r.Key(missing); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", missing, err)
		}
	}
}

func TestRegistryValues(t *testing.T) {
	const path = `Software\PosternTest`
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS)
	if err != nil {
		t.Skipf("cannot write a key to read: %v", err)
	}
	defer func() { k.Close(); _ = registry.DeleteKey(registry.LOCAL_MACHINE, path) }()
	long := make([]byte, 100_000)
	for _, err := range []error{
		k.SetStringValue("text", "häus"), k.SetStringsValue("many", []string{"a", "b"}), k.SetExpandStringValue("expand", `%SystemRoot%\x`),
		k.SetDWordValue("number", 7), k.SetQWordValue("big", 1<<40), k.SetBinaryValue("bytes", long), k.SetStringValue("", "default"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := (machine{}).Key(`HKEY_LOCAL_MACHINE\` + path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]evidence.RegistryValue{
		"TEXT": {Text: "häus", Type: 1}, "many": {Text: "a\nb", Type: 7}, "expand": {Text: `%SystemRoot%\x`, Type: 2},
		"number": {Number: 7, Type: 4}, "big": {Number: 1 << 40, Type: 11}, "": {Text: "default", Type: 1},
	} {
		got := key.Value(name)
		if got.Text != want.Text || got.Number != want.Number || got.Type != want.Type {
			t.Errorf("%q is %+v, want %+v", name, got, want)
		}
	}
	if got := key.Value("bytes"); len(got.Data) != len(long) {
		t.Errorf("%d bytes", len(got.Data))
	}
}

func TestDrivesAreVolumes(t *testing.T) {
	src := thisHost(t, Options{})
	if src.Volumes[0].Mount != "C:" || src.Volumes[0].Root != "C" {
		t.Errorf("volumes %v", src.Volumes)
	}
	name, ok := src.Locate(`c:\windows`)
	if !ok {
		t.Fatal("no volume C:")
	}
	found := false
	err := src.Files.Walk(t.Context(), name, func(e evidence.Entry) error {
		found = true
		return fs.SkipAll
	})
	if err != nil || !found {
		t.Errorf("walk %s: %v", name, err)
	}
}
