package main

import (
	"fmt"
	"text/tabwriter"
	"time"
)

// An input is what the contenders were given; units are its lines, records or
// events.
type input struct {
	name  string
	bytes int64
	units int64
	unit  string
}

// print writes what the contenders took for one input. ratio is wall time
// against the peer's, then CPU time.
func (b *bench) print(in input, results []result) {
	fmt.Fprintf(b.out, "%s, %.1f MiB", in.name, float64(in.bytes)/(1<<20))
	if in.units > 0 {
		fmt.Fprintf(b.out, ", %d %s", in.units, in.unit)
	}
	fmt.Fprintln(b.out)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "wall s\tCPU s\tMB/s\tMB/s per core\t%[1]s/s\t%[1]s/s per core\tpeak MiB\tratio wall\tratio CPU\t  tool\t\n", in.unit)
	var peer took
	for _, r := range results {
		if r.peer {
			peer = r.took
		}
	}
	for _, r := range results {
		if r.err != nil {
			fmt.Fprintf(w, "\t\t\t\t\t\t\t\t\t  %s: failed: %.200s\t\n", r.name, r.err)
			b.fail("%s: %v", r.name, r.err)
			continue
		}
		fmt.Fprintf(w, "%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%s\t%s\t  %s%s\t\n",
			r.wall.Seconds(), r.cpu.Seconds(), per(in.bytes, r.wall)/1e6, per(in.bytes, r.cpu)/1e6, per(in.units, r.wall), per(in.units, r.cpu),
			float64(r.rss)/(1<<20), ratio(r.wall, peer.wall), ratio(r.cpu, peer.cpu), r.name, r.note())
	}
	_ = w.Flush() // to the terminal; nobody to tell
}

func (r result) note() string {
	if r.found == "" {
		return ""
	}
	return ": " + r.found
}

func per(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func ratio(d, of time.Duration) string {
	if of <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(d)/float64(of))
}
