package pe

import (
	"encoding/binary"

	"postern/detect/yara/module"
)

// richFields finds the header that Microsoft's linker hides behind the DOS stub.
func (p *image) richFields(f fields) {
	f["rich_signature"] = module.Of(fields{})
	const dosHeader = 64
	stub := p.bytes(0, int(min(p.nt+8, p.size, 1<<16)))
	le := binary.LittleEndian
	end := -1
	for i := dosHeader; i+8 <= len(stub); i += 4 {
		if le.Uint32(stub[i:]) == 0x68636952 { // Rich
			end = i
			break
		}
	}
	if end < 0 {
		return
	}
	key := le.Uint32(stub[end+4:])
	start := -1
	for i := end - 4; i >= dosHeader; i -= 4 {
		if le.Uint32(stub[i:])^key == 0x536e6144 { // DanS
			start = i
			break
		}
	}
	if start < 0 {
		return
	}
	raw := append([]byte(nil), stub[start:end]...)
	clearText := append([]byte(nil), raw...)
	for i := 0; i+4 <= len(clearText); i += 4 {
		le.PutUint32(clearText[i:], le.Uint32(clearText[i:])^key)
	}
	p.rich, p.hasRich = clearText, true
	one := fields{"offset": module.Of(start), "length": module.Of(len(raw)), "key": module.Of(key),
		"raw_data": module.Of(string(raw)), "clear_data": module.Of(string(clearText))}
	var versions []byte
	for i := 16; i+8 <= len(clearText); i += 8 {
		versions = append(versions, clearText[i:i+2]...)
	}
	one["version_data"] = module.Of(string(versions))
	f["rich_signature"] = module.Of(one)
}

// richCount adds up the uses of tools: version and tool, -1 for any.
func (p *image) richCount(version, tool int64) (n int64) {
	for i := 16; i+8 <= len(p.rich); i += 8 {
		v, t := binary.LittleEndian.Uint16(p.rich[i:]), binary.LittleEndian.Uint16(p.rich[i+2:])
		if (version < 0 || int64(v) == version) && (tool < 0 || int64(t) == tool) {
			n += int64(binary.LittleEndian.Uint32(p.rich[i+4:]))
		}
	}
	return n
}

func richFunctions() (version, tool *module.Type) {
	count := func(pick func(a []module.Value) (version, tool int64)) func(*module.Input, []module.Value) module.Value {
		return func(in *module.Input, a []module.Value) module.Value {
			p, ok := in.State.(*image)
			if !ok || !p.hasRich {
				return module.Value{}
			}
			return module.Number(p.richCount(pick(a)))
		}
	}
	version = module.Function(
		module.Overload{Args: "i", Result: module.Int, Call: count(func(a []module.Value) (int64, int64) { return a[0].Int(), -1 })},
		module.Overload{Args: "ii", Result: module.Int, Call: count(func(a []module.Value) (int64, int64) { return a[0].Int(), a[1].Int() })})
	tool = module.Function(
		module.Overload{Args: "i", Result: module.Int, Call: count(func(a []module.Value) (int64, int64) { return -1, a[0].Int() })},
		module.Overload{Args: "ii", Result: module.Int, Call: count(func(a []module.Value) (int64, int64) { return a[1].Int(), a[0].Int() })})
	return version, tool
}
