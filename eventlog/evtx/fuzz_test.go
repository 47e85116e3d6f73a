package evtx

import (
	"bytes"
	"hash/crc32"
	"os"
	"testing"

	"postern/evidence"
)

// seeds are chunks of real logs, cut after their last record.
func seeds(f *testing.F) (all [][]byte) {
	f.Add([]byte{})
	for _, folder := range []string{"evtx/edge", "sigma/regression_data"} {
		root := "../../../shared/corpora/" + folder
		if _, err := os.Stat(root); err != nil {
			return nil
		}
		for i, name := range corpus(f, folder) {
			text, err := os.ReadFile(name)
			if err != nil || i > 40 || len(text) < fileHeader+chunkSize {
				continue
			}
			chunk := text[fileHeader : fileHeader+chunkSize]
			all = append(all, chunk[:min(max(int(le.Uint32(chunk[48:])), chunkHeader), 8<<10)])
		}
	}
	return all
}

// FuzzChunk: no chunk makes the reader panic, hang, or lend what it does not
// hold.
func FuzzChunk(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		file := make([]byte, fileHeader, fileHeader+len(chunk))
		copy(file, fileMagic)
		file[38], file[120] = 3, flagNoSums
		le.PutUint32(file[124:], crc32.ChecksumIEEE(file[:120]))
		rows := int64(0)
		got, err := Read(t.Context(), bytes.NewReader(append(file, chunk...)), Options{Recover: len(chunk)%2 == 1}, func(b *evidence.EventBatch) error {
			for _, e := range b.Events {
				rows++
				if len(e.Values) != len(e.Fields) || e.Schema != b.Schema || !e.Verbatim {
					t.Errorf("an event of %d values and %d fields", len(e.Values), len(e.Fields))
				}
				for _, v := range e.Values {
					if !bytes.Contains(e.Raw, v) {
						t.Errorf("%q is not in %q", v, e.Raw)
					}
				}
			}
			return nil
		})
		if err != nil || rows != got.Records+got.Recovered {
			t.Errorf("%v; %d rows of %d", err, rows, got.Records)
		}
	})
}

// FuzzBinary: Binary XML alone, without a chunk's header before it.
func FuzzBinary(f *testing.F) {
	for _, s := range seeds(f) {
		if len(s) > chunkHeader+recordHeader {
			f.Add(s[chunkHeader+recordHeader:])
		}
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		d := newDecoder(Options{}, func(*evidence.EventBatch) error { return nil })
		d.begin(text[:min(len(text), chunkSize)], 0)
		for _, from := range []place{atRoot, inEvent, inUserData} {
			d.fragments, d.values = d.fragments[:0], d.values[:0]
			_, _ = d.binary(0, len(d.chunk), from)
			s := d.shape()
			for i := range s.columns {
				d.arena, _ = d.append(d.arena[:0], &s.columns[i])
			}
		}
	})
}
