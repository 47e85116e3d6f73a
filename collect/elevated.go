package collect

import (
	"context"
	"io/fs"

	"postern/evidence"
)

// maxElevated is how many files with SUID or SGID bits are kept of a source.
const maxElevated = 16384

// noteElevated keeps a file of Linux that runs as its owner or group, whoever starts
// it (inode(7)).
func (s *survey) noteElevated(e evidence.Entry) {
	if e.Mode&(fs.ModeSetuid|fs.ModeSetgid) == 0 || !e.Mode.IsRegular() || s.src.ID.OS != evidence.Linux || e.Real != "" {
		return
	}
	if len(s.elevated) < maxElevated {
		s.elevated = append(s.elevated, e)
		return
	}
	s.moreElevated++
}

// observeElevated hands them on. Every Linux has some: where no file has the bit, a
// copy lost it.
func (s *survey) observeElevated(ctx context.Context, out evidence.Sink) error {
	if s.src.ID.OS != evidence.Linux || s.src.Alone {
		return nil
	}
	const family = "SUID and SGID files"
	gap := func(reason evidence.Reason, detail string) {
		out.Cover(evidence.Gap(evidence.CoverState, family, evidence.CompromisedNow, reason, detail))
	}
	lane := out.Lane(evidence.Ref{Collector: "files", Path: family})
	for _, e := range s.elevated {
		kind := "SUID"
		if e.Mode&fs.ModeSetuid == 0 {
			kind = "SGID"
		}
		path := s.path(e.Name)
		o := evidence.Observation{Kind: evidence.ObserveSetting, Values: []string{evidence.SettingPrivilege, kind, e.Mode.String(), path, "", path},
			Ref: evidence.Ref{Collector: "files", Path: string(e.Name), Text: e.Mode.String()}, Time: e.Changed}
		if o.Time.IsZero() {
			o.Time = e.ModTime
		}
		if err := lane.Observe(ctx, &o); err != nil {
			return err
		}
	}
	switch {
	case len(s.elevated) == 0 && s.src.Partial:
		gap(evidence.NotCollected, "no file with the bit is in this collection")
	case len(s.elevated) == 0:
		gap(evidence.Absent, "no file has the bit, and every Linux system has some: the copy did not keep it")
	case s.moreElevated > 0:
		gap(evidence.TooLarge, "more than 16,384 of them; the rest was not judged")
	}
	if len(s.elevated) > 0 {
		out.Cover(evidence.Coverage{Kind: evidence.CoverState, Path: family, Parts: evidence.CompromisedNow, Count: int64(len(s.elevated))})
	}
	return lane.Close()
}
