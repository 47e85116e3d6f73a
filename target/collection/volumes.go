package collection

import (
	"cmp"
	"slices"
	"strings"

	"postern/evidence"
)

// volumesOf lists the drives that names begin with, C first, and shadow copies
// as earlier states of it.
func volumesOf(names []string, windows bool) (list []evidence.Volume) {
	if !windows {
		return []evidence.Volume{{Mount: "/", Root: "."}}
	}
	var drives, shadows []string
	for _, name := range names {
		top, _, _ := strings.Cut(name, "/")
		switch {
		case len(top) == 1 && !slices.Contains(drives, top):
			drives = append(drives, top)
		case strings.HasSuffix(top, snapshot) && !slices.Contains(shadows, top):
			shadows = append(shadows, top)
		}
	}
	return windowsVolumes(".", drives, shadows)
}

// shadowed says of shadow copies that they are no running system.
func (r *reading) shadowed() {
	for _, v := range r.Volumes {
		if v.Past {
			r.gap(evidence.CoverFile, v.Root, 0, evidence.Ambiguous, "a shadow copy, an earlier state of drive "+v.Mount[:1]+": what is found in it was there then, and an installation in it may be gone or updated since")
		}
	}
}

// windowsVolumes gives drives and shadow copies that stand in root.
func windowsVolumes(root evidence.Name, drives, shadows []string) (list []evidence.Volume) {
	slices.SortStableFunc(drives, func(a, b string) int {
		return cmp.Or(-boolCompare(strings.EqualFold(a[:1], "C"), strings.EqualFold(b[:1], "C")), cmp.Compare(a, b))
	})
	main := "C:"
	for _, d := range drives {
		list = append(list, evidence.Volume{Mount: strings.ToUpper(d[:1]) + ":", Root: root.Join(d)})
		main = list[0].Mount
	}
	for _, s := range shadows {
		list = append(list, evidence.Volume{Mount: main, Root: root.Join(s), Past: true})
	}
	return list
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
