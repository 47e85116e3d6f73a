package pack

import (
	"encoding/json"
	"fmt"

	"postern/pack/strict"
)

// SchemaNames lists the files that Schema describes; "sigma" and "tests" stand
// for the files of those folders, of a case its header.
func SchemaNames() []string {
	return []string{"pack.yaml", "product.yaml", "logs.yaml", "indicators.yaml", "config.yaml", "sigma", "tests"}
}

// Schema returns the JSON schema of a file, for editors. Load knows more.
func Schema(name string) ([]byte, error) {
	out := map[string]any{
		"pack.yaml": &specPack{}, "product.yaml": &specProduct{}, "logs.yaml": &specLogs{}, "indicators.yaml": &specIndicators{},
		"config.yaml": &specConfig{}, "sigma": &specSigma{}, "tests": &specTest{},
	}[name]
	if out == nil {
		return nil, fmt.Errorf("%w: no schema for %q; there are %v", ErrUnknownFile, name, SchemaNames())
	}
	text, err := json.MarshalIndent(strict.Schema("postern pack: "+name, out), "", "  ")
	return append(text, '\n'), err
}
