package tree

import (
	"context"

	"postern/evidence"
)

// insideLimits bound an archive that was met on the way, and not named.
var insideLimits = Limits{Entries: 200_000, Bytes: 4 << 30}

// Inside implements evidence.Nester. What is packed is unpacked into a temporary
// folder, until it is closed.
func (t *Tree) Inside(ctx context.Context, name evidence.Name) (evidence.Archive, []error, error) {
	inner, single, faults, err := t.Nested(ctx, name, "", insideLimits)
	switch {
	case err != nil:
		return nil, nil, err
	case single:
		return nil, faults, inner.Close()
	}
	return inner, faults, nil
}
