package hive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

func logOf(data []byte) Log { return Log{bytes.NewReader(data), int64(len(data))} }

func readAll(t *testing.T, r io.ReaderAt, size int64) []byte {
	t.Helper()
	data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// replayed are hives with their logs, and the SHA-256 of the bins that regipy 6.5.0
// (apply_transaction_logs) restores of them, one log after the other: given both at
// once it writes the second over the hive as it was.
var replayed = map[string]string{
	"SYSTEM_B":     "18df453410086f0eee8ed7161a9e8f63b2977225aab5d30e5894eda30e0d882d",
	"UsrClass.dat": "626a7efd1aa13e972f3cdfbec128a3a0730c3945fb05ab96e2b84ce3cce63256",
}

func TestReplayAsRegipy(t *testing.T) {
	for name, want := range replayed {
		data := corpus(t, name)
		r, size, err := Replay(bytes.NewReader(data), int64(len(data)), logOf(corpus(t, name+".LOG2")), logOf(corpus(t, name+".LOG1")))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := readAll(t, r, size)
		if sum := sha256.Sum256(got[headerSize:]); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: the bins differ", name)
		}
		if h := open(t, got); h.Dirty() || h.Truncated() {
			t.Errorf("%s: dirty %v, truncated %v", name, h.Dirty(), h.Truncated())
		}
	}
}

// TestReplaySaysWhatIsMissing: logs that are missing, torn or of another hive leave
// what can be had, and an error.
func TestReplaySaysWhatIsMissing(t *testing.T) {
	data, one, two := corpus(t, "SYSTEM_B"), corpus(t, "SYSTEM_B.LOG1"), corpus(t, "SYSTEM_B.LOG2")
	flipped := slices.Clone(two)
	flipped[logHead+2000] ^= 1
	for name, logs := range map[string][][]byte{
		"none":    nil,
		"empty":   {nil, make([]byte, 4096)},
		"torn":    {one, two[:logHead+5000]},
		"flipped": {one, flipped},
		"another": {corpus(t, "UsrClass.dat.LOG1")},
	} {
		var all []Log
		for _, l := range logs {
			all = append(all, logOf(l))
		}
		r, size, err := Replay(bytes.NewReader(data), int64(len(data)), all...)
		if !errors.Is(err, errLog) {
			t.Errorf("%s: error %v", name, err)
		}
		if key, err := open(t, readAll(t, r, size)).Key(`ControlSet001\Services`); err != nil || len(key.Subkeys) < 600 {
			t.Errorf("%s: services: %v", name, err)
		}
	}
}

// TestOldLog: a log of the old format is written over by its bitmap.
func TestOldLog(t *testing.T) {
	data := evidencetest.Hive(evidencetest.HiveKey{Name: "ROOT", Values: []evidencetest.HiveValue{{Name: "v", Data: uint32(7)}}})
	at := bytes.Index(data, []byte("\x07\x00\x00\x00\x04\x00\x00\x00")) // the value and its type
	newer := slices.Clone(data)
	newer[at] = 9
	binary.LittleEndian.PutUint32(data[4:], 2) // 2 begun, 1 done
	log := slices.Clone(data[:logHead])
	binary.LittleEndian.PutUint32(log[8:], 2)
	binary.LittleEndian.PutUint32(log[508:], checksum(log))
	number := (at - headerSize) / sector
	log = append(log, "DIRT"...)
	log = append(log, byte(1<<number))
	log = append(log, make([]byte, 2*sector-len(log))...)
	log = append(log, newer[at/sector*sector:][:sector]...)
	r, size, err := Replay(bytes.NewReader(data), int64(len(data)), logOf(log))
	if err != nil {
		t.Fatal(err)
	}
	key, err := open(t, readAll(t, r, size)).Key("")
	if err != nil || key.Value("v").Number != 9 {
		t.Errorf("value %d, error %v", key.Value("v").Number, err)
	}
	if _, _, err := Replay(bytes.NewReader(data), int64(len(data)), logOf(log[:len(log)-1])); !errors.Is(err, evidence.ErrTruncated) {
		t.Errorf("cut: %v", err)
	}
}

// TestLoad: logs beside a hive are read when it is dirty, and one that can't be opened
// is told.
func TestLoad(t *testing.T) {
	tree := evidencetest.Tree{"SYSTEM": {Data: corpus(t, "SYSTEM_B")}, "SYSTEM.LOG1": {Data: corpus(t, "SYSTEM_B.LOG1")}, "SYSTEM.LOG2": {Data: corpus(t, "SYSTEM_B.LOG2")}}
	load := func() *Loaded {
		h, err := Load(tree, "SYSTEM")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		return h
	}
	if h := load(); h.Lost != nil || h.Dirty() {
		t.Errorf("lost %v, dirty %v", h.Lost, h.Dirty())
	}
	tree["SYSTEM.LOG2"] = evidencetest.File{OpenErr: fs.ErrPermission}
	if h := load(); !errors.Is(h.Lost, fs.ErrPermission) {
		t.Errorf("lost %v", h.Lost)
	}
	if _, err := Load(tree, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func FuzzReplay(f *testing.F) {
	data := evidencetest.Hive(evidencetest.HiveKey{Name: "ROOT", Keys: []evidencetest.HiveKey{{Name: "A"}}})
	data[4] = 9
	log := slices.Clone(data[:logHead])
	f.Add(data, append(log, "DIRT\xff"...))
	f.Add(data, append(slices.Clone(log), "HvLE"...))
	f.Fuzz(func(t *testing.T, data, log []byte) {
		if len(log) > 512 { // so that its contents are looked at
			binary.LittleEndian.PutUint32(log[508:], checksum(log))
		}
		r, size, _ := Replay(bytes.NewReader(data), int64(len(data)), logOf(log))
		if size < int64(len(data)) || size > maxSpill+maxLog+headerSize {
			t.Fatalf("%d bytes of %d", size, len(data))
		}
		if size > 1<<20 {
			return
		}
		h, err := Open(r, size)
		if err != nil {
			return
		}
		if key, _ := h.Key(""); key != nil {
			for _, name := range key.Subkeys {
				_, _ = h.Key(name)
			}
		}
	})
}
