package detect

import (
	"bytes"
	"slices"
	"strings"

	"postern/detect/sigma"
	"postern/evidence"
)

// A web log's columns under the names of Sigma's taxonomy (appendix "Taxonomy",
// web server and proxy logs), by the role they play.
var webRoles = map[string]evidence.Role{
	"c-ip": evidence.RoleAddress, "src_ip": evidence.RoleAddress,
	"cs-username":   evidence.RoleAccount,
	"cs-user-agent": evidence.RoleAgent, "c-useragent": evidence.RoleAgent, "cs(user-agent)": evidence.RoleAgent,
	"cs-method": evidence.RoleMethod, "c-method": evidence.RoleMethod,
	"cs-uri-stem": evidence.RolePath, "c-uri-stem": evidence.RolePath,
	"c-uri-query": evidence.RoleQuery,
	"sc-status":   evidence.RoleStatus,
}

// Those that play no role.
var webNames = map[string][]string{"cs-referer": referers, "cs-referrer": referers, "cs(referer)": referers, "cs-cookie": cookies, "cs(cookie)": cookies}

// The same columns in W3C logs, nginx's JSON, Caddy's and Traefik's.
var (
	referers = []string{"cs(Referer)", "http_referer", "request.headers.Referer", "request_Referer", "referer", "http_referrer", "referrer"}
	cookies  = []string{"cs(Cookie)", "http_cookie", "request.headers.Cookie", "request_Cookie"}
)

// wholeURI are fields that rules use for the whole of path and query, and for
// the query alone: they are compared with both.
var wholeURI = map[string]bool{"cs-uri-query": true, "c-uri": true, "cs-uri": true}

// actionForms gives an action as Windows writes it and as rules call it.
func actionForms(one [][]byte) [][]byte {
	one = slices.Clip(one) // behind it stand the other values
	switch strings.ToUpper(string(one[0])) {
	case "ALLOW":
		return append(one, []byte("accept"))
	case "DROP":
		return append(one, []byte("deny"), []byte("block"))
	}
	return one
}

// webLogs are the log source categories whose fields those are.
var webLogs = map[string]bool{"webserver": true, "proxy": true}

// chosen reports whether somebody chose the columns of a log, and may have left
// out one that rules need: all of W3C, and access logs of the other layouts.
func chosen(layout string, s *evidence.Schema) bool {
	return layout == "w3c" || (layout == "ncsa" || layout == "json") && s.Roles[evidence.RolePath] >= 0
}

// columns finds the columns of a schema for the names that rules use.
type columns struct{ *evidence.Schema }

// resolve gives the column of a rule's field; false when the schema has none.
// A name of the taxonomy goes before the log's own.
func (c columns) resolve(field string) (sigma.Column, bool) {
	if !webLogs[c.Source.Category] {
		return c.plain(field)
	}
	if field == "" {
		return c.whole()
	}
	name := strings.ToLower(field)
	if wholeURI[name] {
		return c.uri()
	}
	if role, known := webRoles[name]; known && c.Roles[role] >= 0 {
		return c.played(role), true
	}
	for _, own := range webNames[name] {
		if at := c.Index(own); at >= 0 {
			return sigma.Column{At: at, Spell: spellAt(at, wordForms)}, true
		}
	}
	at := c.Index(field)
	return sigma.Column{At: at}, at >= 0
}

// plain gives the column of a log whose fields rules call as it does itself, or
// by one more name. Of a record of Windows the unnamed values are compared
// each, and all together.
func (c columns) plain(field string) (sigma.Column, bool) {
	at := c.Index(field)
	if at < 0 {
		if called, known := c.Names[field]; known {
			at = c.Index(called)
		}
	}
	if c.Source.Category == "firewall" && field == "action" {
		return sigma.Column{At: at, Spell: spellAt(at, actionForms)}, at >= 0
	}
	if c.Spread && field == "Data" {
		return sigma.Column{At: at, Spell: spellAt(at, lines)}, at >= 0
	}
	return sigma.Column{At: at}, at >= 0
}

// lines gives a value and each line of it.
func lines(one [][]byte) [][]byte {
	if bytes.IndexByte(one[0], '\n') < 0 {
		return one
	}
	return append(bytes.Split(one[0], []byte("\n")), one[0])
}

// played gives the column that plays a role, with the spellings it may have.
func (c columns) played(role evidence.Role) sigma.Column {
	at := int(c.Roles[role])
	switch role {
	case evidence.RolePath:
		return sigma.Column{At: at, Spell: spellAt(at, func(one [][]byte) [][]byte {
			if i := bytes.IndexByte(one[0], '?'); i >= 0 && c.Roles[evidence.RoleQuery] < 0 {
				one = [][]byte{one[0][:i]} // a column of the whole address
			}
			return pathForms(one)
		})}
	case evidence.RoleQuery:
		return sigma.Column{At: at, Spell: spellAt(at, queryForms)}
	case evidence.RoleAgent:
		return sigma.Column{At: at, Spell: spellAt(at, wordForms)}
	}
	return sigma.Column{At: at}
}

// uri gives path and query together and the query alone, in all spellings.
func (c columns) uri() (sigma.Column, bool) {
	path, query := int(c.Roles[evidence.RolePath]), int(c.Roles[evidence.RoleQuery])
	if path < 0 {
		return c.played(evidence.RoleQuery), query >= 0
	}
	return sigma.Column{At: path, Spell: func(values [][]byte) [][]byte {
		if path >= len(values) || values[path] == nil {
			return nil
		}
		paths := pathForms(values[path : path+1])
		if query < 0 || query >= len(values) || values[query] == nil {
			return paths
		}
		queries := queryForms(values[query : query+1])
		all := slices.Clip(queries)
		for _, p := range paths {
			for _, q := range queries {
				all = append(all, bytes.Join([][]byte{p, q}, []byte("?")))
			}
		}
		return all
	}}, true
}

// whole gives what keywords are looked for in beside the record as it is
// written: path and query, and the agent, in all spellings.
func (c columns) whole() (sigma.Column, bool) {
	uri, known := c.uri()
	agent := int(c.Roles[evidence.RoleAgent])
	return sigma.Column{At: -1, Spell: func(values [][]byte) [][]byte {
		var all [][]byte
		if known {
			all = uri.Spell(values)
		}
		if agent >= 0 && agent < len(values) && bytes.IndexByte(values[agent], '+') >= 0 {
			all = append(slices.Clip(all), wordForms(values[agent:agent+1])...)
		}
		return all
	}}, true
}

// spellAt spells the value at a position.
func spellAt(at int, spell func([][]byte) [][]byte) func([][]byte) [][]byte {
	return func(values [][]byte) [][]byte {
		if at >= len(values) || values[at] == nil {
			return nil
		}
		return spell(values[at : at+1])
	}
}

// lacking lists the fields of a rule that the schema has no column for.
func (c columns) lacking(r *sigma.Rule) []string {
	var all []string
	for _, field := range r.Fields() {
		if _, known := c.resolve(field); !known {
			all = append(all, field)
		}
	}
	return all
}

// rewords reports whether a column of one of the fields is compared in words that
// do not stand in the record, so that no literal tells of them.
func (c columns) rewords(fields []string) bool {
	return c.Source.Category == "firewall" && slices.Contains(fields, "action")
}

// spelledField reports whether a web log's field of this name, or with "" the
// record that keywords are looked for in, is decoded before it is compared.
func spelledField(field string) bool {
	name := strings.ToLower(field)
	role, known := webRoles[name]
	return name == "" || wholeURI[name] || webNames[name] != nil ||
		known && (role == evidence.RolePath || role == evidence.RoleQuery || role == evidence.RoleAgent)
}

// w3cFields are the columns that a W3C log may name: those of IIS and HTTP.sys
// (Microsoft's documentation of both), of the extended log file format
// (WD-logfile-960323), and the ones that web proxies add.
var w3cFields = []string{
	"date", "time", "s-sitename", "s-computername", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip", "cs-version",
	"cs(User-Agent)", "cs(Cookie)", "cs(Referer)", "cs-host", "sc-status", "sc-substatus", "sc-win32-status", "sc-bytes", "cs-bytes", "time-taken",
	"c-port", "cs-uri", "streamid", "s-siteid", "s-reason", "s-queuename", "cs-uri-scheme", "cs-uri-port", "cs-uri-extension", "X-Forwarded-For",
}

// webFields are what the readers of access logs of other layouts give; of JSON
// anything else may be there, too.
var webFields = []string{"cs-host", "c-ip", "cs-username", "cs-method", "cs-uri-stem", "cs-uri-query", "cs-version", "sc-status", "sc-bytes", "cs(Referer)", "cs(User-Agent)", "s-ip", "X-Forwarded-For"}

// systemFields are those of syslog and of the journal.
var systemFields = []string{"host", "program", "pid", "message", "c-ip", "priority", "msgid", "data", "unit", "uid", "exe", "cmdline"}

// hasField reports whether logs of a format may have a rule's field.
func hasField(f *evidence.LogFormat, field string) bool {
	return slices.ContainsFunc(shapes(f), func(s *evidence.Schema) bool {
		_, has := columns{s}.resolve(field)
		return has
	})
}

// shapes are the schemas that logs of a format may have.
func shapes(f *evidence.LogFormat) (all []*evidence.Schema) {
	switch f.Layout {
	case "w3c":
		return []*evidence.Schema{whole(f, w3cFields)}
	case "ncsa", "json":
		return []*evidence.Schema{whole(f, webFields)}
	case "syslog", "journal":
		return []*evidence.Schema{evidence.NewSchema(f.ID, systemFields...)}
	}
	for _, form := range f.Forms {
		all = append(all, form.Schema)
	}
	return all
}

// whole is the schema of a web log with every column there is.
func whole(f *evidence.LogFormat, fields []string) *evidence.Schema {
	s := evidence.NewSchema(f.ID, fields...)
	s.Source = f.Source
	for role, field := range map[evidence.Role]string{
		evidence.RoleAddress: "c-ip", evidence.RoleAccount: "cs-username", evidence.RoleAgent: "cs(User-Agent)", evidence.RoleMethod: "cs-method",
		evidence.RolePath: "cs-uri-stem", evidence.RoleQuery: "cs-uri-query", evidence.RoleStatus: "sc-status", evidence.RoleHost: "s-ip",
	} {
		s.Roles[role] = int8(s.Index(field))
	}
	return s
}
