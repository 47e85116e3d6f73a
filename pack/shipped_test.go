package pack_test

import (
	"os"
	"testing"

	"postern/pack"
)

func TestShippedPackLoads(t *testing.T) {
	p, err := pack.Load(os.DirFS("../packs/smartermail"))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(p.ID, len(p.Vulnerabilities), len(p.Indicators), len(p.Logs), p.RequiredFrom)
}
