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
	"postern/detect/yara/syntax"
)

// maker makes random rules and files over a small alphabet, so that they meet.
type maker struct {
	*rand.Rand
	rules int // made before
}

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
		s += m.pick(" xor", " xor(1-3)", " xor(0x20)", " xor wide", " xor ascii wide", " xor(0-40)")
	case 1:
		if strings.Count(s, "x") > 4 {
			s += m.pick(" base64", " base64wide", " base64 base64wide", " base64 wide", " base64 ascii wide", " base64(\""+m.alphabet()+"\")", " base64wide(\""+m.alphabet()+"\")")
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

// alphabet is base64's in another order.
func (m maker) alphabet() string {
	b := []byte(syntax.Base64Alphabet)
	for range 1 + m.IntN(60) {
		i, k := m.IntN(64), m.IntN(64)
		b[i], b[k] = b[k], b[i]
	}
	return string(b)
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

func (m maker) str() string { return m.plain() + m.pick("", "", "", " private") }

func (m maker) plain() string {
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
	case 7:
		return m.pick("ext_i", "hash.crc32(0, 9)", "hash.checksum32(\"ab\")", "math.count(0x61, 0, filesize)", "math.mode()", "math.abs(ext_i - 9)", "math.max(3, #s0)",
			"math.min(ext_i, 2)", "math.to_number(ext_b)", "math.count(0x0a)", "hash.checksum32(3, 20)", "!s0[1]", "math.mode(2, 50)")
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
	switch m.IntN(18) {
	case 14:
		return m.words()
	case 15:
		return m.reference()
	case 16: // libyara counts percentages in 32 bits: no bound may be one exactly
		return "math." + m.pick("entropy(0, filesize) > 2.5", "mean(3, 40) > 60.5", "deviation(0, 30, 64.0) > 20.0", "serial_correlation(0, filesize) > 0.0", "monte_carlo_pi(0, filesize) > 0.1",
			"in_range(math.mean(0, 5), 40.0, 80.0)", "percentage(0x61) > 0.10123", "percentage(0x20, 0, 50) > 0.15123", "entropy(\"abab\") > 0.5")
	case 17:
		return m.pick("ext_b", "ext_f > 2.4", "ext_i", "ext_s", "not ext_s", "defined ext_s", "ext_f * 2 == 5.0", "filesize \\ 2.0 > 99.5", "hash.md5(0, 3) < \"8\"", "1.5 + ext_i > 8")
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

// words compares texts.
func (m maker) words() string {
	left := m.pick("ext_s", `"abAB x"`, "hash.md5(1, 5)", "hash.sha1(0, filesize)", `"`+m.text(6)+`"`)
	if m.IntN(3) == 0 {
		return left + " matches /" + m.regexp(1, m.pick("", "?")) + "/" + m.pick("", "i", "s", "is")
	}
	return left + m.pick(" == ", " != ", " < ", " <= ", " > ", " >= ", " contains ", " icontains ", " startswith ", " istartswith ", " endswith ", " iendswith ", " iequals ") +
		m.pick(`"ab"`, `"B"`, `"`+m.text(3)+`"`, "ext_s", `"ABAX 1_b"`)
}

// reference asks rules made before.
func (m maker) reference() string {
	if m.rules == 0 {
		return "$s0"
	}
	one, two := ruleName(m.IntN(m.rules)), ruleName(m.IntN(m.rules))
	if m.rules < 5 {
		return m.pick(one, "not "+one, "1 of ("+one+", "+two+")")
	}
	group := fmt.Sprintf("r%c*", 'a'+m.IntN(m.rules/5))
	return m.pick(one, one, "not "+one, "any of ("+group+")", "2 of ("+group+")", "all of ("+one+", "+two+")", "none of ("+one+", "+group+")", "50% of ("+group+")")
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
// in libyara.
func TestSamePairsOnRandomRules(t *testing.T) {
	campaign(t, func(m maker, seed uint64) int {
		dir := t.TempDir()
		var files []string
		for i := range 25 {
			name := filepath.Join(dir, strconv.Itoa(i))
			if err := os.WriteFile(name, m.file(), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, name)
		}
		return m.round(t, seed, files, 40, func(i int) string {
			m.rules = i
			kind := ""
			switch {
			case i == 0 && m.IntN(4) == 0:
				return "global rule " + ruleName(0) + " { condition: filesize % 5 != 1 }\n"
			case m.IntN(8) == 0:
				kind = "private "
			}
			return fmt.Sprintf("%srule %s { strings: $s0 = %s $s1 = %s $s2 = %s condition: %s or (filesize < 0 and all of them) }\n",
				kind, ruleName(i), m.str(), m.str(), m.str(), m.truth(0))
		})
	})
}

// ruleName names the rules of a campaign in groups: a rule may not fit a wildcard
// used before it.
func ruleName(i int) string { return fmt.Sprintf("r%c%d", 'a'+i/5, i) }

// campaign runs rounds: always the same few, or new ones for as long as
// YARA_FUZZ says; YARA_SEED says from which on.
func campaign(t *testing.T, round func(m maker, seed uint64) int) {
	limit, seed := time.Duration(0), uint64(1)
	if d, err := time.ParseDuration(os.Getenv("YARA_FUZZ")); err == nil {
		limit, seed = d, uint64(time.Now().UnixNano())
	}
	if n, err := strconv.ParseUint(os.Getenv("YARA_SEED"), 10, 64); err == nil {
		seed = n
	}
	rounds, pairs := 0, 0
	for start := time.Now(); (rounds < 2 || time.Since(start) < limit) && !t.Failed(); seed++ {
		pairs += round(maker{Rand: rand.New(rand.NewPCG(seed, 0))}, seed)
		rounds++
	}
	t.Logf("%d rounds up to seed %d, %d pairs", rounds, seed, pairs)
}

// fuzzExternals are the external variables of random rules.
var fuzzExternals = map[string]any{"ext_s": "abAx 1_B", "ext_i": int64(7), "ext_b": true, "ext_f": 2.5}

// withModules imports what random rules ask.
const withModules = "import \"pe\" import \"elf\" import \"math\" import \"hash\" import \"dotnet\" import \"console\" import \"time\"\n"

// round holds n rules against files, and returns how many pairs libyara has.
func (m maker) round(t *testing.T, seed uint64, files []string, n int, rule func(i int) string) int {
	dir := t.TempDir()
	all := withModules
	for i, tries := 0, 0; i < n; tries++ {
		next := rule(i)
		_, errs := Compile([]Source{{"one", []byte(all + next)}}, Options{Externals: fuzzExternals})
		if tries > 50*n {
			t.Fatalf("seed %d: %d rules of %d tries; the last one %s%v", seed, i, tries, next, errs)
		}
		if len(errs) > 0 || !yaraCompiles(dir, all+next, fuzzExternals) {
			continue // constants that overflow and the like
		}
		all += next
		i++
	}
	sources := []Source{{"fuzz", []byte(all)}}
	o := newOracle(t, sources, fuzzExternals)
	pairs := o.pairs
	if strings.Contains(all, "entrypoint") {
		pairs = o.apart
	}
	theirs := pairs(t, files)
	r, errs := Compile(sources, Options{Externals: fuzzExternals})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	mine := ours(t, r, files)
	missing, extra := difference(o.both(theirs), o.both(mine))
	report := func(what string, list []string) {
		for _, p := range list[:min(2, len(list))] {
			file, rule, _ := strings.Cut(p, ": fuzz:")
			text, _ := os.ReadFile(file)
			_, line, _ := strings.Cut(all, "rule "+rule+" {")
			line, _, _ = strings.Cut(line, "\n")
			t.Errorf("seed %d: only %s: rule %s {%s\nfile %s %.2000q", seed, what, rule, line, filepath.Base(file), text)
		}
	}
	report("libyara", missing)
	report("here", extra)
	if dir := os.Getenv("YARA_KEEP"); dir != "" && t.Failed() { // the rules and files of a difference
		_ = os.WriteFile(filepath.Join(dir, "rules.yar"), []byte(all), 0o600)
		for _, p := range append(missing, extra...) {
			file, _, _ := strings.Cut(p, ": fuzz:")
			text, _ := os.ReadFile(file)
			_ = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600)
		}
	}
	return len(theirs)
}
