package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"postern/evidence"
)

// observe reports the installations behind the faces. Faces of one product
// that state the same versions are one installation, seen on several ports or
// addresses; faces that differ are several, told apart by their address.
func observe(ctx context.Context, out evidence.Sink, host string, faces []face) error {
	if len(faces) == 0 {
		return nil
	}
	lane := out.Lane(evidence.Ref{Collector: "web", Path: host})
	var errs []error
	for _, in := range installations(faces) {
		errs = append(errs, lane.Observe(ctx, &evidence.Observation{
			Kind: evidence.ObserveProduct, Values: []string{in.Product}, Ref: in.Signals[0].Ref, Installation: in,
		}))
	}
	return errors.Join(append(errs, lane.Close())...)
}

func installations(faces []face) []*evidence.Installation {
	groups := map[string][]face{}
	var order []string
	of := map[string]int{} // installations per product
	for _, f := range faces {
		key := f.product + "\x00" + strings.Join(versions(f.signals), "\x00")
		if groups[key] == nil {
			order = append(order, key)
			of[f.product]++
		}
		groups[key] = append(groups[key], f)
	}
	var all []*evidence.Installation
	for _, key := range order {
		all = append(all, installation(groups[key], of[groups[key][0].product] > 1))
	}
	return all
}

func installation(same []face, apart bool) *evidence.Installation {
	first := same[0]
	in := &evidence.Installation{Product: first.product, Path: first.site.label("/"), Role: evidence.Active}
	if apart {
		in.Path = fmt.Sprintf("%s (%s)", in.Path, first.addr)
	}
	in.RoleWhy = "served at " + in.Path
	for _, f := range same {
		in.Signals = append(in.Signals, f.signals...)
		in.Notes = append(in.Notes, f.notes...)
		if also := fmt.Sprintf("%s (%s)", f.site.label("/"), f.addr); len(same) > 1 {
			in.Notes = append(in.Notes, "seen at "+also)
		}
	}
	in.Notes = unique(in.Notes)
	return in
}

// versions returns the different versions that signals state, sorted.
func versions(signals []evidence.Signal) []string {
	var all []string
	for _, s := range signals {
		all = append(all, s.Version)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
