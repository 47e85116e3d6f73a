package yara

import (
	"postern/detect/yara/module"
)

// modules are the modules rules may import.
func modules() []module.Module {
	return module.Small()
}

// entryPoint is the offset of a program's entry point ("Executable entry
// point").
func (s *scan) entryPoint() module.Value {
	return module.Value{}
}
