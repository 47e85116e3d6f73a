package evtx

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
)

const (
	recordHeader = 24
	leastRecord  = recordHeader + 4
)

// readChunk reads one chunk, the last of which may be short. The error is
// emit's.
func (d *decoder) readChunk(chunk []byte, at int64) error {
	d.begin(chunk, at)
	if len(chunk) < chunkHeader {
		if !zero(chunk) {
			d.spoiled(Damage{Offset: at, Why: fmt.Sprintf("%d bytes at the end are no whole chunk", len(chunk)), Truncated: true})
		}
		return nil
	}
	sound := bytes.HasPrefix(chunk, chunkMagic)
	if !sound && zero(chunk[:chunkHeader]) && !bytes.Equal(chunk[chunkHeader:min(chunkHeader+4, len(chunk))], recMagic) {
		if !zero(chunk) {
			d.damage(at, 0, "a chunk without a header, and no record where the first stands")
		}
		d.whole++
		return d.salvage(0) // space that was laid out and never used
	}
	var why []string
	if !sound {
		why = append(why, "the chunk does not begin as one")
	} else if !d.noSums && headerSum(chunk) != le.Uint32(chunk[124:]) {
		why, sound = append(why, "the chunk's header does not fit its checksum"), false
	}
	end, promised := len(chunk), int64(0)
	if sound {
		end, promised = d.promises()
		if end <= len(chunk) && !d.noSums && crc32.ChecksumIEEE(chunk[chunkHeader:end]) != le.Uint32(chunk[52:]) {
			why = append(why, "the chunk's records do not fit their checksum")
		}
	}
	short := len(chunk) < chunkSize && (!sound || end > len(chunk))
	if d.whole++; short {
		d.whole--
		why = append(why, "the file ends within the chunk")
	}
	had := d.result.Records
	lost, reason, err := d.records(min(end, len(chunk)))
	if d.result.Records > had {
		d.result.Chunks++
	}
	if promised -= d.result.Records - had; lost < promised && !d.recovered {
		lost = promised
	}
	if len(why) > 0 && bytes.HasPrefix(chunk, chunkMagic) && !short && lost == 0 && reason == "" {
		d.result.Stale++
	}
	switch {
	case reason != "":
		why = append(why, reason)
	case lost > 0 && len(why) == 0:
		why = append(why, "fewer records than the chunk's header promises")
	}
	if len(why) > 0 {
		d.spoiled(Damage{at, lost, strings.Join(why, "; "), short})
	}
	return err
}

// promises tells where the records of the chunk in hand end by its header, and
// how many there are.
func (d *decoder) promises() (end int, records int64) {
	end = len(d.chunk)
	if free := int(le.Uint32(d.chunk[48:])); free >= chunkHeader && free <= chunkSize {
		end = free
	}
	if first, last := le.Uint64(d.chunk[8:]), le.Uint64(d.chunk[16:]); last >= first && last-first < chunkSize/leastRecord {
		records = int64(last-first) + 1
	}
	return end, records
}

// headerSum is the checksum of a chunk's header: bytes 0 to 120 and 128 to 512.
func headerSum(chunk []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(chunk[:120]), crc32.IEEETable, chunk[128:chunkHeader])
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// records reads the records up to end, and those behind it that follow on
// without a break: the header of a chunk that was being written is behind the
// times. It tells how many it lost, and why the first was.
func (d *decoder) records(end int) (lost int64, why string, refused error) {
	fail := func(reason string, pos int) {
		if lost++; why == "" {
			why = fmt.Sprintf("record at %d: %s", d.at+int64(pos), reason)
		}
	}
	var last uint64
	d.recovered = false
	pos := chunkHeader
	for pos+leastRecord <= len(d.chunk) {
		past := pos >= end
		if !bytes.Equal(d.chunk[pos:pos+4], recMagic) {
			if past || zero(d.chunk[pos:end]) {
				break
			}
			fail("it does not begin as one", pos)
			next := d.nextRecord(pos+1, end)
			if next < 0 {
				break
			}
			pos = next
			continue
		}
		size := int(le.Uint32(d.chunk[pos+4:]))
		id := le.Uint64(d.chunk[pos+8:])
		if past && (last == 0 || id != last+1) {
			break // of an earlier use of this chunk
		}
		if size < leastRecord || pos+size > len(d.chunk) {
			if past {
				break
			}
			fail(fmt.Sprintf("a size of %d bytes", size), pos)
			next := d.nextRecord(pos+4, end)
			if next < 0 {
				break
			}
			pos = next
			continue
		}
		d.recovered = d.recovered || past
		last = id
		if partly, err := d.record(pos, size); partly {
			fail("in part: "+err.Error(), pos)
			lost--
		} else if err != nil {
			fail(err.Error(), pos)
		}
		if pos += size; len(d.spans) > maxSpans || len(d.arena) > maxArena {
			if err := d.deliver(); err != nil {
				return lost, why, err
			}
		}
	}
	return lost, why, cmp.Or(d.deliver(), d.salvage(pos))
}

// nextRecord finds where a record may begin; -1: nowhere.
func (d *decoder) nextRecord(from, end int) int {
	for from < end {
		i := bytes.Index(d.chunk[from:end], recMagic)
		if i < 0 {
			return -1
		}
		if from += i; from+leastRecord <= len(d.chunk) {
			if size := int(le.Uint32(d.chunk[from+4:])); size >= leastRecord && from+size <= len(d.chunk) {
				return from
			}
		}
		from++
	}
	return -1
}

// see counts a record that was decoded.
func (d *decoder) see(id uint64) {
	d.result.Records++
	if n := len(d.ids); n > 0 && d.ids[n-1].Last+1 == id {
		d.ids[n-1].Last = id
		return
	}
	if len(d.ids) >= mostRuns {
		d.joinIDs()
	}
	if len(d.ids) < mostRuns {
		d.ids = append(d.ids, IDs{id, id})
	} else if !d.tooMany {
		d.tooMany = true
		d.damage(d.at, 0, "record numbers that jump more often than is counted")
	}
}

const mostRuns = 1 << 16

// joinIDs sorts the runs of record ids and joins those that touch.
func (d *decoder) joinIDs() {
	slices.SortFunc(d.ids, func(a, b IDs) int {
		if a.First < b.First {
			return -1
		}
		if a.First > b.First {
			return 1
		}
		return 0
	})
	joined := d.ids[:0]
	for _, run := range d.ids {
		if n := len(joined); n > 0 && (run.First <= joined[n-1].Last || run.First == joined[n-1].Last+1) {
			joined[n-1].Last = max(joined[n-1].Last, run.Last)
			continue
		}
		joined = append(joined, run)
	}
	d.ids = joined
}

// finish settles what is known only at the end.
func (d *decoder) finish() {
	if d.whole < d.promised && d.result.Err == nil {
		d.spoiled(Damage{fileHeader + d.whole*chunkSize, 0, fmt.Sprintf("the file ends here: %d of %d chunks are there", d.whole, d.promised), true})
	}
	d.joinIDs()
	d.result.IDs = d.ids
	d.result.Days = slices.Sorted(maps.Keys(d.days))
	d.result.Channels = slices.Sorted(maps.Keys(d.channels))
	d.result.Hosts = d.hosts.List()
}
