package detect

import (
	"postern/detect/sigma"
	"postern/evidence"
)

// meets reports whether logs of a format may hold what a rule is meant for: the
// format's own source, or one of the services that it tells apart.
func meets(rule sigma.LogSource, f *evidence.LogFormat) bool {
	log := sourceOf(f.Source)
	if rule.Fits(log) {
		return true
	}
	for _, service := range f.Service {
		if log.Service = service; rule.Fits(log) {
			return true
		}
	}
	return false
}
