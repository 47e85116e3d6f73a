package collect

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/time/rate"

	"postern/evidence"
)

// files observes every file and folder that a place asks for.
type files struct {
	walks *surveys
	opt   Options
	pace  *rate.Limiter // of bytes; nil: none
}

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
	if err := s.observeElevated(ctx, out); err != nil {
		return err
	}
	(&scan{survey: s, opt: c.opt, out: out, pace: c.pace}).run(ctx)
	if !s.src.Alone && s.src.ID.OS == "" { // packages linux and windows say what is left
		out.Cover(evidence.Gap(evidence.CoverState, "persistence", evidence.CompromisedNow, evidence.Unsupported,
			"no system was made out: autostarts, accounts and scheduled tasks were not looked for"))
	}
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

// merge adds up what several places want of one file.
func (s *survey) merge(places []int) (sum evidence.Place) {
	for _, i := range places {
		p := &s.want.Places[i]
		sum.Hash, sum.MD5, sum.SHA1 = sum.Hash || p.Hash, sum.MD5 || p.MD5, sum.SHA1 || p.SHA1
		sum.Content, sum.Every = max(sum.Content, p.Content), sum.Every || p.Every
		sum.Parts |= p.Parts
	}
	return sum
}
