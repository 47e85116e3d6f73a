package module

import "testing"

func TestToInt(t *testing.T) {
	f := func(text string, base int64, want Value) {
		t.Helper()
		if got := toInt(text, base); got != want {
			t.Errorf("%q in %d: %v, want %v", text, base, got, want)
		}
	}
	f("12", 0, Number(12))
	f("-0x1f", 0, Number(-31))
	f("017", 0, Number(15))
	f("  7", 10, Number(7))
	f("ff", 16, Number(255))
	f("", 0, Value{})
	f("1x", 0, Value{})
	f("--1", 0, Value{})
	f("1", 99, Value{})
	f("99999999999999999999", 0, Value{})
}

func FuzzToInt(f *testing.F) {
	f.Add("-0x1f", int64(0))
	f.Fuzz(func(_ *testing.T, text string, base int64) { toInt(text, base) })
}
