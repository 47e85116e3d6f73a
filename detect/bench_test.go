package detect

import (
	"bytes"
	"fmt"
	"testing"

	"postern/evidence"
)

// requests is a stretch of an ordinary web log, one line in a thousand of it
// an attack.
func requests() []evidence.Event {
	s := webSchema()
	var all []evidence.Event
	for n := range int64(10_000) {
		path, status := fmt.Sprintf("/interface/root/page-%d.js", n%97), "200"
		if n%1000 == 999 {
			path, status = "/api/v1/auth/force-reset-password", "400"
		}
		all = append(all, row(s, n+1, noon, "POST", path, fmt.Sprintf("v=100.0.9742&id=%d", n), fmt.Sprintf("192.0.2.%d", n%251), "Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64)", status))
	}
	return all
}

// BenchmarkEvents is rules over events with the prefilter and without, per event.
func BenchmarkEvents(b *testing.B) {
	for _, known := range []bool{true, false} {
		b.Run(fmt.Sprintf("prefilter=%v", known), func(b *testing.B) {
			x := engineOf(b, Options{}, shipped(b)).Begin(&evidence.Source{})
			x.ungated = !known
			events := requests()
			for i := range events {
				events[i] = verbatim(events[i])
			}
			b.ReportAllocs()
			for b.Loop() {
				l := x.Lane(evidence.Ref{Path: "log"})
				if err := l.Events(&evidence.EventBatch{Schema: events[0].Schema, Events: events}); err != nil {
					b.Fatal(err)
				}
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPrefilter is the search for literals over raw bytes.
func BenchmarkPrefilter(b *testing.B) {
	find := engineOf(b, Options{}, shipped(b)).literals.seek.scan
	var block []byte
	for _, e := range requests() {
		block = append(block, e.Raw...)
		block = append(block, '\n')
	}
	block = bytes.Repeat(block, 4)
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		find(block, func(uint32, int) {})
	}
}
