package syntax

import "testing"

func FuzzParse(f *testing.F) {
	f.Add(`import "pe" rule r : t { meta: a = 1 strings: $a = "x" xor(1-2) $b = { 61 [1-2] ~?2 } $c = /a\/b/i condition: for any i in (1..2) : ($a at i) }`)
	f.Add(`include "x" private rule r { condition: 50% of ($a*) in (1..2) and a.b[1].c("d", /e/) }`)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = Parse("f", []byte(text), func(string) ([]byte, error) { return []byte(text), nil })
	})
}
