package collection

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"postern/evidence"
)

// maxCompared bounds what is read to tell whether two uploads agree.
const maxCompared = 2 << 30

// same is nil when two uploads hold the same bytes, where the shorter was cut
// as far as it goes. They may differ where something on the machine hides from
// its own system: then it is ErrDuplicate.
func (r *reading) same(a, b *upload, budget *int64) error {
	differ := fmt.Errorf("%w: as %q and as %q, which differ", evidence.ErrDuplicate, a.stored, b.stored)
	if a.have != b.have && b.size <= b.have && b.sent <= b.have || a.index != "" || b.index != "" {
		return differ
	}
	if *budget -= b.have; *budget < 0 {
		return fmt.Errorf("%w: more than %d bytes stored twice: not compared", evidence.ErrLimit, int64(maxCompared))
	}
	fa, err := r.tree.Open(a.stored)
	if err != nil {
		return errors.Join(differ, err)
	}
	defer fa.Close()
	fb, err := r.tree.Open(b.stored)
	if err != nil {
		return errors.Join(differ, err)
	}
	defer fb.Close()
	pa, pb := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); at < b.have; at += int64(len(pa)) {
		n := min(int64(len(pa)), b.have-at)
		_, errA := fa.ReadAt(pa[:n], at)
		_, errB := fb.ReadAt(pb[:n], at)
		for _, err := range []error{errA, errB, r.ctx.Err()} {
			if err != nil && err != io.EOF { //nolint:errorlint // the clean end
				return errors.Join(differ, err)
			}
		}
		if !bytes.Equal(pa[:n], pb[:n]) {
			return differ
		}
	}
	return nil
}
