package pe

import (
	"postern/detect/yara/module"
)

func (p *image) signatureFields(f fields) {
	f["number_of_signatures"] = module.Number(0)
}
