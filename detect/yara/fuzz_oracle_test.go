package yara

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"postern/detect/yara/rx"
)

// maker makes random rules and files over a small alphabet, so that they meet.
type maker struct{ *rand.Rand }

func (m maker) pick(from ...string) string { return from[m.IntN(len(from))] }

const letters = "abABx1_ .\n"

func (m maker) letter() byte { return letters[m.IntN(len(letters))] }

func (m maker) text(n int) string {
	var b strings.Builder
	for range 1 + m.IntN(n) {
		fmt.Fprintf(&b, "\\x%02x", m.letter())
	}
	return b.String()
}

func (m maker) textString() string {
	s := `"` + m.text(8) + `"`
	switch m.IntN(8) {
	case 0:
		s += m.pick(" xor", " xor(1-3)", " xor(0x20)", " xor wide", " xor ascii wide")
	case 1:
		if strings.Count(s, "x") > 4 {
			s += m.pick(" base64", " base64wide", " base64 base64wide", " base64 wide", " base64 ascii wide")
		}
	default:
		for _, w := range []string{" nocase", " wide", " ascii", " fullword"} {
			if m.IntN(3) == 0 {
				s += w
			}
		}
	}
	return s
}

func (m maker) hex(depth int) string {
	var b strings.Builder
	n := 1 + m.IntN(5)
	jumped := false // libyara loses strings with two jumps in a row
	for i := range n {
		c := m.letter()
		k := m.IntN(12)
		if jumped {
			k = max(k, 2)
		}
		jumped = k < 2
		switch {
		case k == 0 && i > 0 && i < n-1:
			b.WriteString(m.pick("[1]", "[0-3]", "[2-5]"))
		case k == 1 && i > 0 && i < n-1 && depth == 0:
			b.WriteString(m.pick("[-]", "[1-]", "[0-300]", "[4-250]"))
		case k == 2:
			b.WriteString("??")
		case k == 3:
			fmt.Fprintf(&b, "?%X", c&15)
		case k == 4:
			fmt.Fprintf(&b, "%X?", c>>4)
		case k == 5 && depth < 2:
			b.WriteString("(" + m.hex(depth+1) + "|" + m.hex(depth+1) + ")")
		default:
			fmt.Fprintf(&b, "%02X", c)
		}
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "%02X", m.letter())
	return b.String()
}

func (m maker) regexp(depth int, lazy string) string {
	var b strings.Builder
	for range 1 + m.IntN(4) {
		repeatable := true
		switch k := m.IntN(14); {
		case k == 0:
			b.WriteString(m.pick(`\b`, `\B`, `^`, `$`))
			repeatable = false
		case k == 1:
			b.WriteString(m.pick(`.`, `\w`, `\d`, `\s`, `\W`, `\D`, `\S`))
		case k == 2:
			b.WriteString(m.pick(`[ab]`, `[^a]`, `[a-x]`, `[\w.]`, `[^\s1]`))
		case k <= 4 && depth < 2:
			b.WriteString("(" + m.regexp(depth+1, lazy) + m.pick("|", "|", "") + m.regexp(depth+1, lazy) + ")")
		default:
			fmt.Fprintf(&b, "\\x%02x", m.letter())
		}
		if repeatable && m.IntN(4) == 0 {
			b.WriteString(m.pick("*", "+", "?", "{2}", "{1,3}", "{2,}", "{,2}") + lazy)
		}
	}
	return b.String()
}

func (m maker) str() string {
	switch m.IntN(4) {
	case 0:
		return "{ " + m.hex(0) + " }"
	case 1:
		lazy := m.pick("", "", "?")
		re := m.anchored(lazy)
		for nullable(re) {
			re = m.anchored(lazy)
		}
		s := "/" + re + "/" + m.pick("", "i", "s", "is")
		// Not ascii and wide together: where the end of the expression matches as
		// ascii, libyara does not look for a wide match.
		for _, w := range []string{" nocase", m.pick(" wide", " ascii"), " fullword"} {
			if m.IntN(4) == 0 {
				s += w
			}
		}
		return s
	}
	return m.textString()
}

// anchored makes an expression with two literal bytes in it, as real ones have:
// of some without, libyara finds no match at all (/1?[^a]{2,}/ in "bbb").
func (m maker) anchored(lazy string) string {
	two := fmt.Sprintf("\\x%02x\\x%02x", m.letter(), m.letter())
	if m.IntN(2) == 0 {
		return two + m.regexp(0, lazy)
	}
	return m.regexp(0, lazy) + two
}

// nullable tells whether an expression may match nothing: what else such a one
// matches depends on libyara's choice of atoms.
func nullable(re string) bool {
	tree, err := rx.ParseRegexp(re, false, false)
	if err != nil {
		return true
	}
	f, err := rx.NewFinder(tree)
	if err != nil {
		return true
	}
	for _, text := range []string{"", "a", " ", "\n", "x."} {
		if at, n := f.Find(text, nil); at >= 0 && n == 0 {
			return true
		}
	}
	return false
}

func (m maker) number(depth int) string {
	switch m.IntN(10) {
	case 0:
		return "filesize"
	case 1:
		return fmt.Sprintf("@s%d", m.IntN(3)) + m.pick("", "[1]", "[2]", "[9]")
	case 2:
		return fmt.Sprintf("#s%d", m.IntN(3)) + m.pick("", "", " in (0..20)")
	case 3:
		return m.pick("uint8", "int8", "uint16", "int16be", "uint32", "uint32be", "int32") + "(" + m.number(depth+2) + ")"
	case 4, 5:
		if depth < 2 {
			return "(" + m.number(depth+1) + m.pick(" + ", " - ", " * ", " \\ ", " % ", " & ", " | ", " ^ ", " << ", " >> ") + m.number(depth+1) + ")"
		}
	case 6:
		return m.pick("-", "~") + strconv.Itoa(m.IntN(5))
	}
	return strconv.Itoa(m.IntN(12))
}

func (m maker) set() string {
	return m.pick("them", "($s0,$s1)", "($s*)", "($s1,$s2)")
}

func (m maker) quantifier() string { return m.pick("all", "any", "none", "1", "2", "(1+1)", "0") }

// turns is a quantifier of a loop: "for none" is true of anything in Debian's
// version, against the documentation.
func (m maker) turns() string { return m.pick("all", "any", "1", "2", "(1+1)") }

func (m maker) truth(depth int) string {
	if depth > 2 {
		return fmt.Sprintf("$s%d", m.IntN(3))
	}
	switch m.IntN(14) {
	case 0, 1:
		return "(" + m.truth(depth+1) + m.pick(" and ", " or ") + m.truth(depth+1) + ")"
	case 2:
		return "not " + m.truth(depth+1)
	case 3:
		return fmt.Sprintf("$s%d at %s", m.IntN(3), m.number(1))
	case 4:
		return fmt.Sprintf("$s%d in (%s..%s)", m.IntN(3), m.number(1), m.number(1))
	case 5:
		return "(" + m.number(0) + m.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + m.number(0) + ")"
	case 6:
		return m.quantifier() + " of " + m.set() + m.pick("", "", " in (0..30)")
	case 7:
		return m.pick("50%", "10%", "100%") + " of " + m.set()
	case 8:
		return "for " + m.turns() + " of " + m.set() + " : ($" + m.pick("", " at 3", " in (2..40)") + m.pick("", " and # > 1", " or @ < 5") + ")"
	case 9:
		return "for " + m.turns() + " i in (" + m.pick("0..3", "1..#s0", "1,2,5", "@s1..@s1+2") + ") : (" +
			m.pick("$s0 at i", "@s1[i] > 3", "uint8(i) == 0x61", "i % 2 == 1", "!s2[i] > 1") + ")"
	case 10:
		return "defined " + m.number(0)
	}
	return fmt.Sprintf("$s%d", m.IntN(3))
}

func (m maker) file() []byte {
	b := make([]byte, m.IntN(400))
	wide := m.IntN(4) == 0
	for i := range b {
		b[i] = m.letter()
		if wide && i%2 == 1 && m.IntN(20) > 0 {
			b[i] = 0
		}
		if m.IntN(30) == 0 {
			b[i] ^= byte(m.IntN(4))
		}
	}
	return b
}

// TestSamePairsOnRandomRules holds random rules against random files, here and
// in libyara: always the same few rounds, or new ones for as long as YARA_FUZZ
// says.
func TestSamePairsOnRandomRules(t *testing.T) {
	limit, seed := time.Duration(0), uint64(1)
	if d, err := time.ParseDuration(os.Getenv("YARA_FUZZ")); err == nil {
		limit, seed = d, uint64(time.Now().UnixNano())
	}
	if n, err := strconv.ParseUint(os.Getenv("YARA_SEED"), 10, 64); err == nil {
		seed = n
	}
	rounds, pairs := 0, 0
	for start := time.Now(); (rounds < 4 || time.Since(start) < limit) && !t.Failed(); seed++ {
		m := maker{rand.New(rand.NewPCG(seed, 0))}
		pairs += m.round(t, seed)
		rounds++
	}
	t.Logf("%d rounds of 40 rules and 25 files, %d pairs", rounds, pairs)
}

func (m maker) round(t *testing.T, seed uint64) int {
	dir := t.TempDir()
	var files []string
	for i := range 25 {
		name := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(name, m.file(), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	var all strings.Builder
	for i := 0; i < 40; {
		rule := fmt.Sprintf("rule r%d { strings: $s0 = %s $s1 = %s $s2 = %s condition: %s or (filesize < 0 and all of them) }\n",
			i, m.str(), m.str(), m.str(), m.truth(0))
		if _, errs := Compile([]Source{{"one", []byte(rule)}}, Options{}); len(errs) > 0 {
			continue // constants that overflow and the like
		}
		if !yaraCompiles(dir, rule) {
			continue
		}
		all.WriteString(rule)
		i++
	}
	sources := []Source{{"fuzz", []byte(all.String())}}
	o := newOracle(t, sources, nil)
	theirs := o.pairs(t, files)
	r, errs := Compile(sources, Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	mine := ours(t, r, files)
	missing, extra := difference(o.both(theirs), o.both(mine))
	report := func(what string, list []string) {
		for _, p := range list[:min(2, len(list))] {
			file, rule, _ := strings.Cut(p, ": fuzz:")
			text, _ := os.ReadFile(file)
			at := strings.Index(all.String(), "rule "+rule+" {")
			line, _, _ := strings.Cut(all.String()[at:], "\n")
			t.Errorf("seed %d: only %s: %s\nfile %q", seed, what, line, text)
		}
	}
	report("libyara", missing)
	report("here", extra)
	return len(theirs)
}
