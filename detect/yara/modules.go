package yara

import (
	"postern/detect/yara/dotnet"
	"postern/detect/yara/elf"
	"postern/detect/yara/module"
	"postern/detect/yara/pe"
)

// modules are the modules rules may import.
func modules() []module.Module {
	return append(module.Small(), pe.Module(), elf.Module(), dotnet.Module())
}

// entryPoint is the offset of a program's entry point ("Executable entry
// point").
func (s *scan) entryPoint() module.Value {
	if at, ok := pe.EntryPoint(&s.content); ok {
		return module.Number(at)
	}
	if at, ok := elf.EntryPoint(&s.content); ok {
		return module.Number(at)
	}
	return module.Value{}
}
