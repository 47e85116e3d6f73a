package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"postern/evidence"
)

// files observes every file and folder that a place asks for.
type files struct{ walks *surveys }

func (*files) Name() string          { return "files" }
func (*files) Needs() evidence.Need  { return evidence.NeedFiles }
func (*files) Parts() evidence.Parts { return evidence.CompromisedNow }

// Collect implements evidence.Collector.
func (c *files) Collect(ctx context.Context, src *evidence.Source, want *evidence.Interest, out evidence.Sink) error {
	if src.Files == nil || src.Kind == evidence.KindLogs {
		return nil
	}
	s := c.walks.take(src, want)
	if err := s.walk(ctx, out); err != nil {
		return err
	}
	s.coverRoots(out)
	for _, w := range s.wanted {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.Mode.IsDir() || w.Err != nil || !s.noFiles(w.places) {
			s.observe(ctx, w, out)
		}
	}
	out.Cover(evidence.Gap(evidence.CoverState, "persistence", evidence.CompromisedNow, evidence.Unsupported,
		"autostarts, accounts, scheduled tasks and remote access tools are not yet read by this version"))
	return ctx.Err()
}

// coverRoots says which folders of the places were looked at.
func (s *survey) coverRoots(out evidence.Sink) {
	for i := range s.want.Places {
		p := &s.want.Places[i]
		for _, root := range p.Roots {
			f := s.folder(root)
			switch {
			case f != nil:
				out.Cover(evidence.Coverage{Kind: evidence.CoverFile, Path: string(f.name), Parts: p.Parts, Count: f.entries})
			case s.src.Partial && s.fits(root) && s.applies(p.OS):
				out.Cover(evidence.Gap(evidence.CoverFile, root, p.Parts, evidence.NotCollected, "asked for by "+p.ID))
			}
		}
		if s.src.Partial && p.Files != nil {
			s.coverListed(i, out)
		}
		if s.src.Partial && p.Names != nil {
			out.Cover(evidence.Gap(evidence.CoverFile, p.ID, p.Parts, evidence.NotCollected, fmt.Sprintf("files of %d names are looked for wherever they lie, and this is a selection", len(p.Names))))
		}
	}
}

// coverListed says how many of a place's single paths a selection does not hold.
// Whether they are on the machine it can't tell.
func (s *survey) coverListed(place int, out evidence.Sink) {
	p := &s.want.Places[place]
	found := map[string]bool{}
	for _, w := range s.wanted {
		if slices.Contains(w.places, place) {
			found[s.asked(w.Name)] = true
		}
	}
	asked := 0
	for path := range p.Files {
		if s.fits(path) {
			asked++
		}
	}
	if missing := asked - len(found); missing > 0 {
		out.Cover(evidence.Gap(evidence.CoverFile, p.ID, p.Parts, evidence.NotCollected, fmt.Sprintf("%d of its %d paths are not in this collection", missing, asked)))
	}
}

// noFiles reports whether nobody who asks by these places wants files.
func (s *survey) noFiles(places []int) bool {
	return !slices.ContainsFunc(places, func(i int) bool { return !s.want.Places[i].NoFiles })
}

// observe hands over one file or folder, and covers it.
func (s *survey) observe(ctx context.Context, w wanted, out evidence.Sink) {
	ask := s.merge(w.places)
	gap := func(err error) {
		out.Cover(evidence.ErrGap(evidence.CoverFile, string(w.Name), ask.Parts, err))
	}
	if w.Err != nil {
		if !w.Mode.IsDir() { // a folder's loss is the walk's to tell
			gap(w.Err)
		}
		return
	}
	ref := evidence.Ref{Collector: "files", Path: string(w.Name)}
	lane := out.Lane(ref)
	defer func() {
		if err := lane.Close(); err != nil {
			gap(err)
		}
	}()
	o := evidence.Observation{Kind: evidence.ObserveFolder, Ref: ref, Time: w.newest(), Values: []string{s.shown(w.Name)}, Places: w.places,
		File: &evidence.FileFacts{Modified: w.ModTime, Birth: w.Birth, Changed: w.Changed}}
	if w.Mode.IsDir() {
		if err := lane.Observe(ctx, &o); err != nil {
			gap(err)
		}
		return
	}
	if err := s.observeFile(ctx, &o, ask, lane, out); err != nil {
		gap(err)
	}
}

// observeFile opens, hashes and hands over one file.
func (s *survey) observeFile(ctx context.Context, o *evidence.Observation, ask evidence.Place, lane evidence.Lane, out evidence.Sink) error {
	f, err := s.src.Files.Open(evidence.Name(o.Ref.Path))
	if err != nil {
		return err
	}
	defer f.Close()
	var bad error
	hashes := ""
	if ask.Hash {
		o.Ref.SHA256, hashes, bad = hashFile(f, &ask)
	}
	if ask.Content > 0 {
		o.Size = min(f.Size(), ask.Content)
		o.Content = io.NewSectionReader(f, 0, o.Size)
	}
	if f.Size() == 0 && ask.Content > 0 {
		bad = fmt.Errorf("collect: empty, where content was asked for: %w", evidence.ErrTruncated)
	}
	o.Kind = evidence.ObserveFile
	o.Values = append(o.Values, hashes, fmt.Sprint(f.Size()))
	if err := errors.Join(bad, lane.Observe(ctx, o)); err != nil {
		return err
	}
	row := evidence.Coverage{Kind: evidence.CoverFile, Path: o.Ref.Path, Parts: ask.Parts, Count: 1, SHA256: o.Ref.SHA256}
	if row.Bytes = o.Size; ask.Hash {
		row.Bytes = f.Size()
	}
	out.Cover(row)
	return nil
}

// merge adds up what several places want of one file.
func (s *survey) merge(places []int) (sum evidence.Place) {
	for _, i := range places {
		p := &s.want.Places[i]
		sum.Hash, sum.MD5, sum.SHA1 = sum.Hash || p.Hash, sum.MD5 || p.MD5, sum.SHA1 || p.SHA1
		sum.Content = max(sum.Content, p.Content)
		sum.Parts |= p.Parts
	}
	return sum
}
