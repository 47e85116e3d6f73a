package detect

import (
	"fmt"
	"slices"
	"time"

	"postern/evidence"
	"postern/version"
)

// fix is when an installation became what it is.
type fix struct {
	at       time.Time // zero: no trace
	why      string
	compiled time.Time // the day its build was compiled: it was not here before; zero: not known
}

// day is how coarse an InstallDate is: its At is that day's end.
const day = 24 * time.Hour

// fixMoment finds the moment from the traces of updates. Of the credible ones
// the latest counts, so that the exposure is never made to look shorter; and
// the new build served only from the first start after it, if one was seen.
func fixMoment(s version.Scheme, b build, changes []evidence.Change, starts startTimes, asOf time.Time) fix {
	f := fix{compiled: compiled(s, b, changes)}
	last := latestTrace(changes, f.compiled, asOf)
	if last == nil {
		f.why = "no trace of when it was installed or updated"
		if !f.compiled.IsZero() {
			f.why += "; its build was compiled on " + f.compiled.UTC().Format(time.DateOnly) + ", so not before then"
		}
		return f
	}
	f.at, f.why = last.At, fmt.Sprintf("%s, %s", describe(last.Kind), when(*last))
	first, found := starts.firstAfter(last.At)
	for _, c := range changes {
		if c.Kind != evidence.ChangeProcess || c.At.Before(last.At) {
			continue
		}
		if !found || c.At.Before(first) {
			first, found = c.At, true
		}
	}
	if found && !first.After(asOf.Add(day)) {
		f.at, f.why = first, fmt.Sprintf("the first start of the product (%s) after %s", stamp(first), f.why)
	}
	return f
}

// compiled is when a build was compiled: the earliest time of its files, but not
// earlier than the compiler's local day can have begun, for an archive may give
// every file one old time.
func compiled(s version.Scheme, b build, changes []evidence.Change) time.Time {
	var at, day time.Time
	if b.known {
		day, _ = s.Date(b.version)
	}
	for _, c := range changes {
		if c.Kind == evidence.ChangeCompiled && (at.IsZero() || c.At.Before(at)) {
			at = c.At
		}
	}
	if !day.IsZero() && (at.IsZero() || at.After(day) || at.Before(day.Add(-14*time.Hour))) {
		return day
	}
	return at
}

// latestTrace is the latest credible trace that the installation changed. One
// from before the build was compiled was copied along with the files, one from
// after the examination is a wrong clock; neither tells.
func latestTrace(changes []evidence.Change, compiled, asOf time.Time) *evidence.Change {
	var last *evidence.Change
	for i := range changes {
		c := &changes[i]
		switch c.Kind {
		case evidence.ChangeInstallDate, evidence.ChangeBirth, evidence.ChangeMetadata, evidence.ChangeRegistry:
		default:
			continue
		}
		if c.At.IsZero() || c.At.Before(compiled) || c.At.After(asOf.Add(day)) || saidSharper(*c, changes) {
			continue
		}
		if last == nil || c.At.After(last.At) {
			last = c
		}
	}
	return last
}

// saidSharper reports a day-only trace whose day another trace tells the hour of.
func saidSharper(c evidence.Change, changes []evidence.Change) bool {
	return c.Kind == evidence.ChangeInstallDate && slices.ContainsFunc(changes, func(o evidence.Change) bool {
		sharp := o.Kind == evidence.ChangeBirth || o.Kind == evidence.ChangeMetadata || o.Kind == evidence.ChangeRegistry
		return sharp && o.At.After(c.At.Add(-day)) && !o.At.After(c.At)
	})
}

func describe(k evidence.ChangeKind) string {
	switch k {
	case evidence.ChangeInstallDate:
		return "the install date of its uninstall entry"
	case evidence.ChangeBirth:
		return "the creation of its program files"
	case evidence.ChangeMetadata:
		return "the last change of its program files"
	case evidence.ChangeRegistry:
		return "the last write of its uninstall key"
	}
	return string(k)
}

func when(c evidence.Change) string {
	if c.Kind == evidence.ChangeInstallDate {
		return c.At.UTC().Format(time.DateOnly)
	}
	return stamp(c.At)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

// runningOld says why the running process may be older than the file on disk,
// "" when nothing says so. On Windows a changed file record alone does not:
// every backup that clears the archive bit leaves one.
func runningOld(changes []evidence.Change, os evidence.OS) string {
	for _, p := range changes {
		if p.Kind != evidence.ChangeProcess || p.At.IsZero() {
			continue
		}
		for _, c := range changes {
			at := c.At
			switch c.Kind {
			case evidence.ChangeInstallDate:
				at = at.Add(-day) // the day's beginning: the start may have followed on the same day
			case evidence.ChangeBirth, evidence.ChangeRegistry, evidence.ChangeCompiled:
			case evidence.ChangeMetadata:
				if os == evidence.Windows {
					continue
				}
			default:
				continue
			}
			if at.After(p.At) {
				return fmt.Sprintf("the process has been running since %s, and %s is of %s: what runs may be older than the files", stamp(p.At), describe(c.Kind), when(c))
			}
		}
	}
	return ""
}
