package eventlog

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"
	"testing/iotest"

	"postern/eventlog/cut"
)

// TestBlocksGiveEveryByte holds back various tails and demands that blocks,
// less what they repeat, are the input.
func TestBlocksGiveEveryByte(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for round := range 60 {
		var input []byte
		for range random.Intn(40) {
			input = append(input, bytes.Repeat([]byte{byte('a' + random.Intn(3))}, random.Intn(1<<uint(random.Intn(18))))...)
			input = append(input, '\n')
		}
		if round%2 == 0 {
			input = append(input, "tail"...)
		}
		r := iotest.DataErrReader(bytes.NewReader(input))
		if round%3 == 0 {
			r = iotest.HalfReader(r)
		}
		b := newBlocks(r, int64(random.Intn(1<<20)), blockSize)
		var got []byte
		for held := 0; ; {
			block, last := b.next(held)
			if !last && !bytes.HasSuffix(block, []byte("\n")) {
				t.Fatal("a block of lines that are not whole")
			}
			held = random.Intn(min(len(block), maxRecord) + 1)
			if last {
				got = append(got, block...)
				break
			}
			got = append(got, block[:len(block)-held]...)
		}
		if !bytes.Equal(got, input) || b.err != nil {
			t.Fatalf("round %d: %d bytes of %d, %v", round, len(got), len(input), b.err)
		}
	}
}

func TestOverlongLines(t *testing.T) {
	f := func(input string, want ...string) {
		t.Helper()
		b := newBlocks(strings.NewReader(input), blockSize, blockSize)
		var got []byte
		cuts := 0
		for {
			block, last := b.next(0)
			got = append(got, block...)
			if b.cut {
				cuts++
			}
			if len(b.buf) > 4<<20 {
				t.Fatalf("buffer of %d bytes", len(b.buf))
			}
			if last {
				break
			}
		}
		if string(got) != strings.Join(want, "") || cuts == 0 {
			t.Errorf("%d bytes in %d cuts, want %d bytes", len(got), cuts, len(strings.Join(want, "")))
		}
	}
	const size = 9 << 20
	long, kept := strings.Repeat("x", size), strings.Repeat("x", maxLine)+"\n"
	f(long, kept)
	f(long+"\n", kept)
	f(long+"\nb\n", kept, "b\n")
	f("a\n"+long+"\n"+long+"\nb", "a\n", kept, kept, "b")
}

// TestBufferIsBounded feeds lines that each leave a longer tail in the buffer.
func TestBufferIsBounded(t *testing.T) {
	var input strings.Builder
	for size := 100 << 10; size < 8<<20; size += size / 3 {
		input.WriteString(strings.Repeat("x", size) + "\n")
	}
	b := newBlocks(strings.NewReader(input.String()), blockSize, blockSize)
	for last := false; !last; {
		_, last = b.next(min(b.block, maxRecord))
		if len(b.buf) > 4<<20 {
			t.Fatalf("buffer of %d bytes", len(b.buf))
		}
	}
}

func TestCutLine(t *testing.T) {
	f := func(in string, nuls bool, want string, wantTaken int, wantEnded bool) {
		t.Helper()
		line, n, ended := cutLine([]byte(in), nuls)
		if string(line) != want || n != wantTaken || ended != wantEnded {
			t.Errorf("%q: %q %d %v", in, line, n, ended)
		}
	}
	f("a\nb", false, "a", 2, true)
	f("a\r\nb", false, "a", 3, true)
	f("a\rb\n", false, "a\rb", 4, true)
	f("a", false, "a", 1, false)
	f("\n", false, "", 1, true)
	f("a\x00\x00b\nc", true, "a", 3, false)
	f("\x00\x00b\n", true, "", 2, false)
	f("a\x00\x00\nb", true, "a", 4, true)
	f("a\x00\x00", true, "a", 3, false)
}

func TestParseClock(t *testing.T) {
	f := func(in string, want string) {
		t.Helper()
		got := "none"
		if d, ok := cut.Clock([]byte(in)); ok {
			got = d.String()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	f("00:00:00", "0s")
	f("23:59:59.999", "23h59m59.999s")
	f("10:00:00.5", "10h0m0.5s")
	f("10:00:00.123456789", "10h0m0.123456789s")
	for _, bad := range []string{"", "24:00:00", "10:60:00", "10:00:60", "1:00:00", "10:00:00.", "10:00:00,5", "10:00:00.1234567890", "10:00:00.x", "+1:00:00", "10:00"} {
		f(bad, "none")
	}
}

func TestIsIP(t *testing.T) {
	for in, want := range map[string]bool{
		"1.2.3.4": true, "255.255.255.255": true, "::1": true, "fe80::1%12": true, "2001:db8::1": true, "::ffff:1.2.3.4": true,
		"": false, "-": false, "1.2.3": false, "1.2.3.4.5": false, "1.2.3.256": false, "1..3.4": false, "1.2.3.": false,
		"1.2.3.4:80": false, "0001.2.3.4": false, "abc": false, ":": false, "99999999999999999999.1.1.1": false,
	} {
		if got := cut.IsIP([]byte(in)); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}
