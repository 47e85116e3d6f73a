package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Sizes of a Windows event log's parts (libevtx, "File header", "Chunk header",
// "Event record").
const (
	logHeader   = 4096
	chunkSize   = 64 << 10
	chunkHeader = 512
	maxChunks   = 1<<16 - 1
)

var le = binary.LittleEndian

var errNoLogs = errors.New("no Windows event logs there")

// A chunk is one of another log.
type chunk struct {
	file string
	at   int64
}

// chunksIn lists the chunks of the logs below root that hold at least one record
// and least bytes of records; leftOut is how many files sound refuses.
func chunksIn(root string, least int, sound func(file string) bool) (all []chunk, leftOut int, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(name), ".evtx") {
			return err
		}
		if !sound(name) {
			leftOut++
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for at := logHeader; at+chunkSize <= len(text); at += chunkSize {
			c := slices.Clone(text[at : at+chunkSize])
			if n := renumber(c, 1); n > 0 && int(le.Uint32(c[48:])) >= chunkHeader+least {
				all = append(all, chunk{name, int64(at)})
			}
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errNoLogs
	}
	return all, leftOut, err
}

// renumber gives the records of a chunk the numbers from first on and sets its
// checksums anew; n is how many there are, zero for what is no sound chunk.
func renumber(c []byte, first int64) (n int64) {
	end := int(le.Uint32(c[48:]))
	if string(c[:8]) != "ElfChnk\x00" || end < chunkHeader || end > chunkSize {
		return 0
	}
	at := chunkHeader
	for at+24 <= end {
		size := int(le.Uint32(c[at+4:]))
		if string(c[at:at+4]) != "**\x00\x00" || size < 28 || at+size > end {
			return 0
		}
		le.PutUint64(c[at+8:], uint64(first+n))
		n++
		at += size
	}
	for _, off := range []int{8, 24} {
		le.PutUint64(c[off:], uint64(first))
		le.PutUint64(c[off+8:], uint64(first+n-1))
	}
	le.PutUint32(c[52:], crc32.ChecksumIEEE(c[chunkHeader:end]))
	sum := crc32.ChecksumIEEE(c[:120])
	le.PutUint32(c[124:], crc32.Update(sum, crc32.IEEETable, c[128:chunkHeader]))
	return n
}

// writeEventLog writes one log of the chunks, over and over, of about size bytes
// and of whole rounds where size allows one.
func writeEventLog(name string, chunks []chunk, size int64) (records, rounds int64, err error) {
	count := min(size/chunkSize, maxChunks)
	if n := int64(len(chunks)); count > n {
		count -= count % n
	}
	err = create(name, func(w *bufio.Writer) error {
		head := make([]byte, logHeader)
		if _, err := w.Write(head); err != nil {
			return err
		}
		body := make([]byte, chunkSize)
		for n := range count {
			from := chunks[n%int64(len(chunks))]
			if err := readChunk(from, body); err != nil {
				return err
			}
			records += renumber(body, records+1)
			if _, err := w.Write(body); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return records, count / int64(len(chunks)), writeHead(name, count, records)
}

func readChunk(from chunk, into []byte) error {
	f, err := os.Open(from.file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(into, from.at)
	return err
}

func writeHead(name string, chunks, records int64) error {
	h := make([]byte, logHeader)
	copy(h, "ElfFile\x00")
	le.PutUint64(h[16:], uint64(chunks-1))
	le.PutUint64(h[24:], uint64(records+1))
	le.PutUint32(h[32:], 128)
	le.PutUint16(h[36:], 1)
	le.PutUint16(h[38:], 3)
	le.PutUint16(h[40:], logHeader)
	le.PutUint16(h[42:], uint16(chunks))
	le.PutUint32(h[124:], crc32.ChecksumIEEE(h[:120]))
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(h, 0); err != nil {
		return err
	}
	return f.Close()
}
