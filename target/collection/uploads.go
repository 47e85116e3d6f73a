package collection

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
	"postern/target/tree"
)

// number is an integer in JSON, written as one or as text; -1 for anything
// else.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	if err != nil || v < 0 {
		v = -1
	}
	*n = number(v)
	return nil
}

// UploadRow is one row of uploads.json.
type UploadRow struct {
	Timestamp  any      `json:"Timestamp"`
	Path       string   `json:"vfs_path"`
	Components []string `json:"_Components"`
	Size       number   `json:"file_size"`
	Sent       number   `json:"uploaded_size"`
	Type       string   `json:"Type"`
}

// at is when the row was written; zero when it does not say.
func (u UploadRow) at() time.Time {
	switch v := u.Timestamp.(type) {
	case string:
		t, _ := time.Parse(time.RFC3339Nano, v)
		return t
	case float64:
		return instant(v)
	}
	return time.Time{}
}

// where gives accessor and components: what follows "uploads". Rows without
// components have the path of an upload, encoded.
func (u UploadRow) where() (accessor string, components []string, ok bool) {
	list := u.Components
	if len(list) == 0 {
		for c := range strings.SplitSeq(u.Path, "/") {
			list = append(list, decode(c))
		}
	}
	if i := slices.Index(list, "uploads"); i >= 0 && len(list) > i+2 {
		return list[i+1], list[i+2:], true
	}
	return "", nil, false
}

// ReadRows reads uploads.json row by row: JSON lines, or one array of rows.
func ReadRows(ctx context.Context, r io.Reader, limit int64, each func(UploadRow) error) error {
	buf := bufio.NewReader(r)
	if mark, _ := buf.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = buf.Discard(3)
	}
	array := false
	for {
		b, err := buf.Peek(1)
		if errors.Is(err, io.EOF) {
			return nil // empty: nothing was uploaded
		}
		if err != nil {
			return fmt.Errorf("%w: before its first row: %w", evidence.ErrTruncated, err)
		}
		if array = b[0] == '['; array || !strings.ContainsRune(" \t\r\n", rune(b[0])) {
			break
		}
		_, _ = buf.Discard(1)
	}
	dec := json.NewDecoder(buf)
	if array {
		if _, err := dec.Token(); err != nil {
			return fmt.Errorf("%w: %w", evidence.ErrTruncated, err)
		}
	}
	for n := int64(0); ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if array && !dec.More() {
			if _, err := dec.Token(); err != nil {
				return fmt.Errorf("%w: after %d rows: %w", evidence.ErrTruncated, n, err)
			}
			if _, err := dec.Token(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("%w: more stands behind the list of %d rows", evidence.ErrTruncated, n)
			}
			return nil
		}
		if n >= limit {
			return fmt.Errorf("%w: more than %d rows", evidence.ErrLimit, limit)
		}
		row := UploadRow{Size: -1, Sent: -1}
		if err := dec.Decode(&row); err != nil {
			if errors.Is(err, io.EOF) && !array {
				return nil
			}
			return fmt.Errorf("%w: after %d rows: %w", evidence.ErrTruncated, n, err)
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// instant reads a Unix time in seconds, milli-, micro- or nanoseconds.
func instant(v float64) time.Time {
	for _, unit := range []struct{ below, per float64 }{{1e11, 1}, {1e14, 1e3}, {1e17, 1e6}, {1e20, 1e9}} {
		if v > 0 && v < unit.below {
			sec, frac := math.Modf(v / unit.per)
			return time.Unix(int64(sec), int64(frac*1e9)).UTC()
		}
	}
	return time.Time{}
}

// maxRuns bounds the parts of one sparse file.
const maxRuns = 1 << 20

// runs reads an .idx file.
func (r *reading) runs(name evidence.Name) ([]tree.Run, error) {
	data, err := r.all(name, 64<<20)
	if err != nil {
		return nil, err
	}
	return ParseIndex(data)
}

// ParseIndex reads an .idx file: {"ranges": [...]}, or a range a line. A range
// of which nothing is stored is a hole: the file system had none of it either.
func ParseIndex(data []byte) ([]tree.Run, error) {
	type rng struct {
		Stored number `json:"file_offset"`
		At     number `json:"original_offset"`
		Have   number `json:"file_length"`
		Length number `json:"length"`
	}
	var doc struct {
		Ranges []rng `json:"ranges"`
		rng
	}
	var list []rng
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		doc.Ranges, doc.rng = nil, rng{}
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%w: no index of ranges: %w", evidence.ErrTruncated, err)
		}
		if list = append(list, doc.Ranges...); doc.Ranges == nil {
			list = append(list, doc.rng)
		}
		if len(list) > maxRuns {
			return nil, fmt.Errorf("%w: more than %d ranges", evidence.ErrLimit, maxRuns)
		}
	}
	runs := make([]tree.Run, 0, len(list))
	for i, g := range list {
		switch {
		case g.Length == 0:
			continue
		case g.At < 0 || g.Length < 0 || g.Stored < 0 || g.Have != 0 && g.Have != g.Length || g.At > math.MaxInt64-g.Length:
			return nil, fmt.Errorf("%w: range %d makes no sense", evidence.ErrTruncated, i+1)
		}
		runs = append(runs, tree.Run{At: int64(g.At), Length: int64(g.Length), Stored: int64(g.Stored), Hole: g.Have == 0})
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%w: an index of no ranges", evidence.ErrTruncated)
	}
	return runs, nil
}
