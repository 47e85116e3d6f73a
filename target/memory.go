package target

import (
	"context"
	"time"

	"postern/evidence"
	"postern/target/tree"
)

// OpenMemory opens files held in memory as a copied tree of them would be
// opened, under the name it is given: the cases of a pack. Names are
// slash-separated and relative; modified has the times of those that record one.
func OpenMemory(ctx context.Context, name string, files map[string][]byte, modified map[string]time.Time, opt Options) (*evidence.Source, error) {
	t, err := tree.Memory(files, modified)
	if err != nil {
		return nil, err
	}
	src := &evidence.Source{Target: name, Kind: evidence.KindTree, Partial: opt.Partial, Close: t.Close}
	adopt(ctx, src, t, opt)
	return src, nil
}
