package collect

import (
	"io/fs"
	"testing"

	"postern/evidence"
)

func TestElevatedFiles(t *testing.T) {
	out := run(t, "files", linux(tree{
		"usr/bin/su":   {Data: []byte("x"), Kind: fs.ModeSetuid},
		"usr/bin/wall": {Data: []byte("x"), Kind: fs.ModeSetgid},
		"usr/bin/ls":   text("x"),
	}))
	var got []string
	for _, o := range out.Of(evidence.ObserveSetting) {
		got = append(got, o.Get("Name")+" "+o.Get("Image"))
	}
	if len(got) != 2 || got[0] != "SUID /usr/bin/su" || got[1] != "SGID /usr/bin/wall" {
		t.Errorf("%q", got)
	}
	if said(out, "SUID and SGID files", evidence.Absent, evidence.CompromisedNow) {
		t.Error("a gap where there are some")
	}
}

// TestLostModesAreAGap: a copy that kept no mode bits tells nothing of them.
func TestLostModesAreAGap(t *testing.T) {
	if !said(run(t, "files", linux(tree{"usr/bin/su": text("x")})), "SUID and SGID files", evidence.Absent, evidence.CompromisedNow) {
		t.Error("no gap")
	}
}
