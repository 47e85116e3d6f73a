package detect

import (
	"strings"
	"time"

	"postern/detect/anomaly"
	"postern/detect/persist"
	"postern/detect/tools"
	"postern/evidence"
	"postern/pack"
)

// addAnomalies makes rules of what is judged whatever the packs say.
func (e *Engine) addAnomalies() (err error) {
	if e.content.tools, err = tools.Load(); err != nil {
		return err
	}
	e.content.odd = map[string]*rule{}
	for _, a := range append(anomaly.Rules(), persist.Rules()...) {
		r, err := newRule(&pack.Indicator{
			ID: a.ID, Title: a.Title, Kind: pack.OnFile, Parts: evidence.CompromisedNow, Class: a.Class, Severity: a.Severity,
			Confidence: evidence.Confidence(a.Confidence), Attack: a.Attack, Next: a.Next, Sources: []string{a.Source},
		})
		if err == nil {
			err = e.claim(r.ID)
		}
		if err != nil {
			return err
		}
		e.content.odd[r.ID], e.rules = r, append(e.rules, r)
	}
	return nil
}

// holdAnomalies judges a file by itself, and notes the age of a page of a web root.
func (l *lane) holdAnomalies(s *seen) {
	site := s.File != nil && s.File.Site != nil
	f := anomaly.File{Path: s.path, InSite: site, Size: s.size, Head: func(n int) ([]byte, bool) {
		if s.Content == nil {
			return nil, false
		}
		head := make([]byte, min(int64(n), s.Size))
		_, err := readFull(s.Content, head, 0)
		return head, err == nil
	}}
	if s.File != nil && s.File.Program != nil {
		p := s.File.Program
		f.Altered, f.Damaged = p.Signature == evidence.SignatureAltered, p.Signature == evidence.SignatureBroken
		f.Signer, f.Why, f.Original = p.Signer, p.Why, p.Original
	}
	judged := anomaly.Judge(&f)
	if s.File != nil && s.File.Program != nil {
		judged = append(judged, persist.Tools(s.Observation, l.x.engine.content.tools)...)
	}
	for _, j := range judged {
		l.add(l.x.engine.content.odd[j.Rule].seen(), because(s.ref, j.Reason), s.Time, nil)
	}
	if site && anomaly.IsPage(s.path) && !strings.Contains(s.path, "!/") { // what an archive holds is as old as its maker says
		l.ages.Add(s.File.Site.Root, anomaly.Page{Path: s.ref.Path, At: later(s.File.Modified, s.File.Birth)})
	}
}

// late counts the pages that came late, when all have been seen.
func (x *Examination) late() {
	r := x.engine.content.odd[anomaly.LatePage]
	for _, p := range x.ages.Late() {
		ref := because(evidence.Ref{Collector: "files", Path: p.Path}, p.Reason)
		x.tally.at(bucketKey{rule: r, class: r.class}, x.engine.limit()).add(r.seen(), ref, p.At, nil, x.engine.limit())
	}
}

// seen is a sighting of a rule as it is graded.
func (r *rule) seen() sighting {
	return sighting{rule: r, class: r.class, severity: r.severity, label: r.Label}
}

// because is a reference with the reason for its text.
func because(ref evidence.Ref, reason string) evidence.Ref {
	ref.Text = reason
	return ref
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
