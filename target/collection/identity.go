package collection

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"postern/evidence"
)

// one reads a record that is one JSON object, or the first of a list.
func (r *reading) one(name string, into any) bool {
	if !r.has(name) {
		return false
	}
	data, err := r.all(r.root.Join(name), maxSmall)
	if err == nil {
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		var list []json.RawMessage
		if json.Unmarshal(data, &list) == nil && len(list) > 0 {
			data = list[0]
		}
		err = json.NewDecoder(bytes.NewReader(data)).Decode(into)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.gap(evidence.CoverState, r.root.Join(name), evidence.CompromisedThen, evidence.Damaged, "what the collection tells of its host: "+err.Error())
	}
	return err == nil
}

// clientInfo reads client_info.json, the collector's form or the server's.
func (r *reading) clientInfo() {
	var info struct {
		Hostname, Fqdn, OS string
		Info               struct {
			Hostname string `json:"hostname"`
			Fqdn     string `json:"fqdn"`
			System   string `json:"system"`
		} `json:"os_info"`
	}
	if !r.one("client_info.json", &info) {
		return
	}
	r.Host = cmp.Or(info.Hostname, info.Info.Hostname, info.Fqdn, info.Info.Fqdn)
	switch system := strings.ToLower(cmp.Or(info.OS, info.Info.System)); system {
	case "windows":
		r.OS = evidence.Windows
	case "linux":
		r.OS = evidence.Linux
	case "":
	default:
		r.gap(evidence.CoverFile, r.root, everything, evidence.Unsupported,
			fmt.Sprintf("a system of the kind %.40q: this version knows Linux and Windows", system))
	}
}

// context reads collection_context.json: when it was collected, and whether it
// came to its end.
func (r *reading) context() {
	var c struct {
		Created number `json:"create_time"`
		Started number `json:"start_time"`
		Active  number `json:"active_time"`
		State   any    `json:"state"`
		Status  string `json:"status"`
		Stats   []struct {
			Artifact string `json:"Artifact"`
			Error    string `json:"error_message"`
		} `json:"query_stats"`
	}
	const name = "collection_context.json"
	if !r.one(name, &c) {
		return
	}
	for _, t := range []number{c.Created, c.Started, c.Active} {
		r.later(instant(float64(t)))
	}
	switch state := strings.ToUpper(fmt.Sprint(c.State)); state {
	case "1", "RUNNING", "4", "WAITING", "5", "IN_PROGRESS":
		r.gap(evidence.CoverFile, r.root.Join(name), everything, evidence.Truncated, "the collection had not come to its end")
	case "3", "ERROR":
		r.gap(evidence.CoverFile, r.root.Join(name), everything, evidence.Truncated, fmt.Sprintf("the collection ended with an error: %.300q", c.Status))
	}
	failed := &rows{to: r, more: "queries failed"}
	for _, s := range c.Stats {
		if s.Error != "" {
			failed.add(string(r.root.Join(name)), everything, fmt.Errorf("%w: %.100q failed: %.300q", evidence.ErrNotCollected, s.Artifact, s.Error))
		}
	}
	failed.end()
}

// errorsOf reads the errors that a collection's own log tells of.
func (r *reading) errorsOf(name string) {
	if !r.has(name) {
		return
	}
	text, f, err := r.text(r.root.Join(name), maxRecords)
	if err != nil {
		r.fault(string(r.root.Join(name)), err)
		return
	}
	defer f.Close()
	failed := &rows{to: r, more: "errors stand in the collection's log"}
	dec := json.NewDecoder(text)
	for r.ctx.Err() == nil {
		var row struct{ Level, Message string }
		if err := dec.Decode(&row); err != nil {
			if !errors.Is(err, io.EOF) {
				r.gap(evidence.CoverFile, r.root.Join(name), 0, evidence.Damaged, "the collection's log: "+err.Error())
			}
			break
		}
		if strings.EqualFold(row.Level, "ERROR") {
			failed.add(string(r.root.Join(name)), everything, fmt.Errorf("%w: Velociraptor says: %.300q", evidence.ErrNotCollected, row.Message))
		}
	}
	failed.end()
}
