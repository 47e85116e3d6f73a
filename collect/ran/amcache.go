package ran

import (
	"cmp"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"

	"postern/collect/winreg"
	"postern/evidence"
)

// The key of the inventory of files (Windows 10 and later, and older ones with the
// updates of its time), and that of the layout before it.
const (
	amcachePath  = `C:\Windows\AppCompat\Programs\Amcache.hve`
	inventory    = `Root\InventoryApplicationFile`
	drivers      = `Root\InventoryDriverBinary`
	olderFiles   = `Root\File`
	olderPath    = "15"  // full path
	olderSHA1    = "101" // as FileId
	olderProduct = "0"
	olderCompany = "1"
)

// amcache observes the programs that the inventory of applications has, with the SHA-1
// of their first 31,457,280 bytes, which is the file's where it is no longer
// (https://www.ssi.gouv.fr/uploads/2019/01/anssi-coriin_2019-analysis_amcache.pdf).
func (r *reader) amcache() {
	h, at, err := r.Hive(amcachePath, false)
	if errors.Is(err, fs.ErrNotExist) && !r.Src.Partial {
		r.Gap(evidence.CoverHive, at, evidence.Absent, "Windows 7, 2008 R2 and older without updates have none; elsewhere it tells which programs were there")
	}
	if err != nil {
		return
	}
	named := at + `\`
	if top := r.Get(h.Key, inventory, named); top != nil {
		for _, name := range top.Subkeys {
			if key := r.Get(h.Key, inventory+`\`+name, named); key != nil {
				about := texts(key, "Publisher", "ProductName", "Version")
				r.inventoried(key, key.Value("LowerCaseLongPath").Text, key.Value("FileId").Text, about)
			}
		}
	}
	r.drivers(h.Key, named)
	volumes := r.Get(h.Key, olderFiles, named)
	if volumes == nil {
		return
	}
	for _, volume := range volumes.Subkeys {
		files := r.Get(h.Key, olderFiles+`\`+volume, named)
		if files == nil {
			continue
		}
		for _, name := range files.Subkeys {
			if key := r.Get(h.Key, olderFiles+`\`+volume+`\`+name, named); key != nil {
				r.inventoried(key, key.Value(olderPath).Text, key.Value(olderSHA1).Text, texts(key, olderCompany, olderProduct))
			}
		}
	}
}

// drivers observes the drivers of the inventory: newer ones by path, those of 2016 by
// name alone, under their hash.
func (r *reader) drivers(read winreg.Keys, named string) {
	top := r.Get(read, drivers, named)
	if top == nil {
		return
	}
	for _, name := range top.Subkeys {
		key := r.Get(read, drivers+`\`+name, named)
		if key == nil {
			continue
		}
		path, id := strings.ReplaceAll(name, "/", `\`), key.Value("DriverId").Text
		if !strings.Contains(name, "/") {
			path, id = key.Value("DriverName").Text, cmp.Or(id, name)
		}
		r.inventoried(key, path, id, texts(key, "DriverCompany", "Product", "DriverVersion"))
	}
}

// inventoried hands on a file of the inventory.
func (r *reader) inventoried(key *evidence.RegistryKey, path, id, about string) {
	if path == "" {
		return
	}
	t := trace{kind: evidence.TraceAmcache, image: path, at: key.Written, path: key.Path, text: path, details: about}
	if sum, ok := strings.CutPrefix(strings.ToLower(id), "0000"); ok && len(sum) == 40 {
		if _, err := hex.DecodeString(sum); err == nil {
			t.hashes = "SHA1=" + sum
		}
	}
	r.observe(&t)
}

// texts joins what of a key's values is set.
func texts(key *evidence.RegistryKey, names ...string) string {
	var all []string
	for _, name := range names {
		if text := strings.TrimSpace(key.Value(name).Text); text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", ")
}
