package pe

import (
	"postern/detect/yara/module"
)

const (
	maxResources    = 65536
	maxVersionInfos = 32768
	maxEntries      = 32768
	versionResource = 16
	depthResources  = 3
)

// resources is a walk through the tree of resources.
type resources struct {
	*image
	base  int64 // offset of the root
	all   []module.Value
	infos []module.Value
	byKey map[string]module.Value
	steps int
}

// resourceFields reads the resources and what the version resource says.
func (p *image) resourceFields(f fields) {
	f["number_of_resources"], f["number_of_version_infos"] = module.Number(0), module.Number(0)
	rva, _ := p.directory(2)
	if rva == 0 {
		return
	}
	root := p.offset(uint64(rva))
	if root < 0 || !p.fits(root, 16) {
		return
	}
	f["resource_timestamp"] = module.Of(p.u32(root + 4))
	f["resource_version"] = module.Of(fields{"major": module.Of(p.u16(root + 8)), "minor": module.Of(p.u16(root + 10))})
	r := &resources{image: p, base: root, byKey: fields{}}
	r.directory(root, 0, [3]entry{})
	f["number_of_resources"] = module.Of(len(r.all))
	f["resources"] = module.Of(r.all)
	f["number_of_version_infos"] = module.Of(len(r.infos))
	f["version_info_list"], f["version_info"] = module.Of(r.infos), module.Dictionary(r.byKey)
}

// entry names a type, a resource or a language: by number or by text.
type entry struct {
	id   uint32
	text string
	is   bool // it is a text
}

func (r *resources) directory(at int64, depth int, path [3]entry) {
	if !r.fits(at, 16) || r.u32(at) != 0 || r.u16(at+12) > maxEntries || r.u16(at+14) > maxEntries {
		return
	}
	total := int64(r.u16(at+12)) + int64(r.u16(at+14))
	for i := range total {
		e := at + 16 + 8*i
		if r.steps++; r.steps > maxResources || len(r.all) >= maxResources || !r.fits(e, 8) {
			return
		}
		id, to := r.u32(e), r.u32(e+4)
		path[depth] = r.entry(id)
		below := r.base + int64(to&0x7fffffff)
		switch {
		case to&0x80000000 != 0 && depth+1 < depthResources:
			r.directory(below, depth+1, path)
		case to&0x80000000 == 0 && depth > 0:
			r.leaf(below, path)
		}
	}
}

func (r *resources) entry(id uint32) entry {
	if id&0x80000000 == 0 {
		return entry{id: id}
	}
	at := r.base + int64(id&0x7fffffff)
	n := int(r.u16(at)) * 2
	if b := r.bytes(at+2, n); n > 0 && b != nil && r.spend(n) {
		return entry{text: string(b), is: true, id: id}
	}
	return entry{id: id}
}

func (r *resources) leaf(at int64, path [3]entry) {
	if !r.fits(at, 16) {
		return
	}
	rva, length := r.u32(at), r.u32(at+4)
	off := r.offset(uint64(rva))
	one := fields{"rva": module.Of(rva), "length": module.Of(length)}
	if off >= 0 {
		one["offset"] = module.Number(off)
	}
	for i, name := range [3]string{"type", "id", "language"} {
		text := [3]string{"type_string", "name_string", "language_string"}[i]
		if path[i].is {
			one[text] = module.Of(path[i].text)
		} else {
			one[name] = module.Of(path[i].id)
		}
	}
	r.languages = append(r.languages, path[2].id)
	r.all = append(r.all, module.Of(one))
	if !path[0].is && path[0].id == versionResource && off >= 0 {
		r.versionInfo(off)
	}
}

// block is a block of a version resource: length, length of the value, key.
type block struct {
	at, end    int64
	valueWords int64
	key        string
	value      int64 // offset of what follows the key, aligned
}

func align4(n int64) int64 { return (n + 3) &^ 3 }

// block reads the block at at; base is the offset alignment counts from.
func (r *resources) block(at, limit, base int64) (b block, ok bool) {
	length := int64(r.u16(at))
	if length < 6 || !r.fits(at, 6) || !r.spend(int(length)) {
		return b, false
	}
	b = block{at: at, end: min(at+length, limit, r.size), valueWords: int64(r.u16(at + 2))}
	key := []byte{}
	p := at + 6
	for ; p+2 <= b.end; p += 2 {
		c := r.u16(p)
		if c == 0 {
			break
		}
		key = append(key, byte(c))
	}
	b.key, b.value = string(key), base+align4(p+2-base)
	return b, true
}

// versionInfo reads the texts of a VS_VERSIONINFO.
func (r *resources) versionInfo(at int64) {
	root, ok := r.block(at, r.size, at)
	if !ok || root.key != "VS_VERSION_INFO" {
		return
	}
	p := root.value + align4(root.valueWords)
	for p < root.end {
		b, ok := r.block(p, root.end, at)
		if !ok {
			return
		}
		if b.key == "StringFileInfo" {
			r.tables(b, at)
		}
		p = at + align4(b.end-at)
	}
}

func (r *resources) tables(info block, base int64) {
	for p := info.value; p < info.end; {
		table, ok := r.block(p, info.end, base)
		if !ok {
			return
		}
		for q := table.value; q < table.end && len(r.infos) < maxVersionInfos; {
			s, ok := r.block(q, table.end, base)
			if !ok {
				break
			}
			if s.key != "" {
				text := []byte{}
				for v := s.value; s.valueWords > 0 && v+2 <= s.end; v += 2 {
					c := r.u16(v)
					if c == 0 {
						break
					}
					text = append(text, byte(c))
				}
				value := module.Of(string(text))
				r.byKey[s.key] = value
				r.infos = append(r.infos, module.Of(fields{"key": module.Of(s.key), "value": value}))
			}
			q = base + align4(s.end-base)
		}
		p = base + align4(table.end-base)
	}
}

// debugFields sets pdb_path from the CodeView entry of the debug directory.
func (p *image) debugFields(f fields) {
	rva, size := p.directory(6)
	if rva == 0 {
		return
	}
	at := p.offset(uint64(rva))
	if at < 0 {
		return
	}
	for i := range min(int64(size)/28, 256) {
		e := at + 28*i
		if !p.fits(e, 28) {
			return
		}
		if p.u32(e+12) != 2 {
			continue
		}
		off := int64(-1)
		if address := p.u32(e + 20); address != 0 {
			off = p.offset(uint64(address))
		} else if raw := p.u32(e + 24); raw != 0 {
			off = int64(raw)
		}
		if off < 0 {
			continue
		}
		skip := map[uint32]int64{0x53445352: 24, 0x3031424e: 16}[p.u32(off)] // RSDS, NB10
		if skip == 0 {
			continue
		}
		if path, _ := p.text(off+skip, 1024); path != "" {
			f["pdb_path"] = module.Of(path)
			return
		}
	}
}
