package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"postern/evidence"
	"postern/verdict"
)

// Finish makes the document of targets in the order given, with the answers of
// targets of one host merged, worst first, and the hash of its body in run.
func Finish(tool Tool, targets []Target, run Run) *Report {
	if tool.Packs == nil {
		tool.Packs = []Pack{}
	}
	if targets == nil {
		targets = []Target{}
	}
	if run.Limits == nil {
		run.Limits = []string{}
	}
	run.Started, run.Ended = run.Started.UTC(), run.Ended.UTC()
	r := &Report{Schema: Schema, Tool: tool, Targets: targets, Hosts: hosts(targets), Run: run}
	r.Run.BodySHA256 = r.bodyHash()
	return r
}

// Merge makes one report of several. Every target stays as it was answered;
// hosts that several reports know are merged worst first, so that answers that
// contradict each other both remain in sight.
func Merge(reports ...*Report) *Report {
	var tool Tool
	var run Run
	var targets []Target
	for _, r := range reports {
		targets = append(targets, r.Targets...)
		tool.Version, tool.Commit = either(tool.Version, r.Tool.Version), either(tool.Commit, r.Tool.Commit)
		tool.Packs = union(tool.Packs, r.Tool.Packs)
		tool.Refused = union(tool.Refused, r.Tool.Refused)
		run.Machine = either(run.Machine, r.Run.Machine)
		run.Limits = union(run.Limits, r.Run.Limits)
		run.Resumed, run.Cancelled = run.Resumed || r.Run.Resumed, run.Cancelled || r.Run.Cancelled
		run.Started, run.Ended = earliest(run.Started, r.Run.Started), latest(run.Ended, r.Run.Ended)
	}
	return Finish(tool, targets, run)
}

// hosts groups targets by host name, case folded, in order of first sight.
// Where no name is known a target stands alone, but for the same URL again.
func hosts(targets []Target) []Host {
	all := []Host{}
	at := map[string]int{}
	for i, t := range targets {
		name, key := t.Host, "host "+strings.ToLower(t.Host)
		if name == "" {
			name, key = t.Target, fmt.Sprintf("target %d", i)
			if t.Kind == evidence.KindURL {
				key = "url " + t.Target
			}
		}
		h, seen := at[key]
		if !seen {
			h = len(all)
			at[key], all = h, append(all, Host{Host: name})
		}
		all[h].Targets = append(all[h].Targets, i)
	}
	for h := range all {
		answers := make([]verdict.Answers, 0, len(all[h].Targets))
		for _, i := range all[h].Targets {
			answers = append(answers, targets[i].Answers.verdict())
		}
		if len(answers) == 1 {
			all[h].Answers = targets[all[h].Targets[0]].Answers
			continue
		}
		all[h].Answers = fromVerdict(verdict.Merge(answers...))
	}
	return all
}

// bodyHash hashes a report's text: keys sorted, no spaces, run left out, one
// newline at the end.
func bodyHash(text []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil {
		return "", err
	}
	delete(body, "run")
	h := sha256.New()
	enc := json.NewEncoder(h)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func either(a, b string) string {
	if a == "" || a == b {
		return b
	}
	if b == "" || slices.Contains(strings.Split(a, ", "), b) {
		return a
	}
	return a + ", " + b
}

func union[T comparable](all, more []T) []T {
	for _, m := range more {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
