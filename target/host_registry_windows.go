package target

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf16"

	"golang.org/x/sys/windows/registry"

	"postern/evidence"
)

// maxRegistryValue is the longest value that is read, in bytes.
const maxRegistryValue = 16 << 20

// machine implements evidence.Registry over the running Windows: HKLM and HKU,
// as 64-bit programs see them.
type machine struct{}

func liveRegistry() evidence.Registry { return machine{} }

// Key implements evidence.Registry. Values that cannot be read come back with
// an error, and the key with those that can.
func (machine) Key(path string) (*evidence.RegistryKey, error) {
	hive, rest, _ := strings.Cut(path, `\`)
	var root registry.Key
	switch strings.ToUpper(hive) {
	case "HKLM", "HKEY_LOCAL_MACHINE":
		root = registry.LOCAL_MACHINE
	case "HKU", "HKEY_USERS":
		root = registry.USERS
	default:
		return nil, fmt.Errorf("target: registry key %q: %w", path, fs.ErrNotExist)
	}
	k, err := registry.OpenKey(root, rest, registry.READ|registry.WOW64_64KEY)
	if err != nil {
		return nil, fmt.Errorf("target: registry key %q: %w", path, err)
	}
	defer k.Close()
	key := &evidence.RegistryKey{Path: path}
	if err := fill(key, k); err != nil {
		return key, fmt.Errorf("target: registry key %q: %w", path, err)
	}
	return key, nil
}

func fill(key *evidence.RegistryKey, k registry.Key) error {
	info, err := k.Stat()
	if err != nil {
		return err
	}
	key.Written = info.ModTime().UTC()
	var errs []error
	if key.Subkeys, err = k.ReadSubKeyNames(-1); err != nil {
		errs = append(errs, err)
	}
	names, err := k.ReadValueNames(-1)
	if err != nil {
		errs = append(errs, err)
	}
	for _, name := range names {
		v, err := readValue(k, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("value %q: %w", name, err))
			continue
		}
		key.Values = append(key.Values, v)
	}
	return errors.Join(errs...)
}

// readValue reads one value; it may grow between the two calls.
func readValue(k registry.Key, name string) (evidence.RegistryValue, error) {
	v := evidence.RegistryValue{Name: name}
	for size := 256; size <= maxRegistryValue; {
		buf := make([]byte, size)
		n, kind, err := k.GetValue(name, buf)
		if errors.Is(err, registry.ErrShortBuffer) {
			size = max(n, 2*size)
			continue
		}
		if err != nil {
			return v, err
		}
		v.Type, v.Data = kind, buf[:n]
		decodeValue(&v)
		return v, nil
	}
	return v, fmt.Errorf("over %d bytes: %w", maxRegistryValue, evidence.ErrLimit)
}

// decodeValue fills Text or Number as hives do.
func decodeValue(v *evidence.RegistryValue) {
	switch v.Type {
	case registry.SZ, registry.EXPAND_SZ:
		v.Text, _, _ = strings.Cut(utf16Text(v.Data), "\x00")
	case registry.MULTI_SZ:
		v.Text = strings.ReplaceAll(strings.TrimRight(utf16Text(v.Data), "\x00"), "\x00", "\n")
	case registry.DWORD:
		if len(v.Data) >= 4 {
			v.Number = uint64(binary.LittleEndian.Uint32(v.Data))
		}
	case registry.QWORD:
		if len(v.Data) >= 8 {
			v.Number = binary.LittleEndian.Uint64(v.Data)
		}
	}
}

func utf16Text(data []byte) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}
