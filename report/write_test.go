package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"postern/evidence"
	"postern/verdict"
)

// TestWrittenByParts: what is written row by row is what writing the document
// whole gives, and its hash is that of the text.
func TestWrittenByParts(t *testing.T) {
	for name, r := range map[string]*Report{
		"full":    sample(entered(), servedPage(), quiet()),
		"empty":   sample(),
		"no rows": sample(NewTarget(&evidence.Source{Kind: evidence.KindTree, Target: `"targets":[] <&>` + "\u2028"}, verdict.Asked{}, nil, nil, nil, verdict.Answers{})),
		"merged":  Merge(sample(entered()), sample(servedPage())),
	} {
		var whole bytes.Buffer
		enc := json.NewEncoder(&whole)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
		text := encode(t, r)
		if !bytes.Equal(text, whole.Bytes()) {
			t.Errorf("%s: by parts\n%s\nwhole\n%s", name, text, whole.Bytes())
		}
		if sum, err := bodyHash(text); err != nil || sum != r.Run.BodySHA256 {
			t.Errorf("%s: the text has the hash %s, %v; the report %s", name, sum, err, r.Run.BodySHA256)
		}
		if _, err := Read(bytes.NewReader(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestManyRowsStaySmall: a report of many logs takes little memory beside its
// rows, whose text is tens of megabytes.
func TestManyRowsStaySmall(t *testing.T) {
	target := quiet()
	for n := range 100_000 {
		row := target.Coverage[0]
		row.Path = fmt.Sprintf("W3SVC%d/u_ex260117.log", n)
		target.Coverage = append(target.Coverage, row)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := sample(target)
	out := &biggest{}
	if err := r.WriteJSON(out); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if out.total < 20<<20 || out.piece > 1<<20 {
		t.Errorf("%d bytes, the largest piece %d", out.total, out.piece)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// biggest remembers the largest piece written to it.
type biggest struct{ total, piece int }

func (b *biggest) Write(p []byte) (int, error) {
	b.total, b.piece = b.total+len(p), max(b.piece, len(p))
	return len(p), nil
}
