package detect

import (
	"testing"

	"postern/detect/sigma"
	"postern/evidence"
)

func TestMeets(t *testing.T) {
	format := evidence.LogFormat{Source: evidence.LogSource{Product: "linux", Service: "syslog"}, Service: map[string]string{"crond": "cron"}}
	for service, want := range map[string]bool{"cron": true, "syslog": true, "": true, "auditd": false} {
		if got := meets(sigma.LogSource{Product: "linux", Service: service}, &format); got != want {
			t.Errorf("%q: %v", service, got)
		}
	}
	if meets(sigma.LogSource{Product: "windows"}, &format) {
		t.Error("another product")
	}
}
