package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"postern/evidence"
)

// web reads which product and build a web address serves.
type web struct {
	limits limits
	now    func() time.Time // for the validity of certificates only
}

func newWeb() *web {
	return &web{limits{header: 10 * time.Second, whole: 20 * time.Second, body: 2 << 20}, time.Now}
}

// Name returns "web".
func (*web) Name() string { return "web" }

// Needs returns what the probe works on.
func (*web) Needs() evidence.Need { return evidence.NeedNet }

// Parts returns what stays unknown without it.
func (*web) Parts() evidence.Parts { return evidence.Exposed }

// Collect asks every address behind the named host. It returns ctx's error
// when that ended it; what was read until then is reported.
func (w *web) Collect(ctx context.Context, src *evidence.Source, want *evidence.Interest, out evidence.Sink) error {
	named := src.Net.Endpoint()
	todo := newPlan(want.Products, named)
	if len(todo.pages) == 0 {
		return nil
	}
	addrs, err := src.Net.Resolve(ctx, named.Host)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || len(addrs) == 0 {
		out.Cover(unresolved(named.Host, err))
		return nil
	}
	var faces []face
	for _, addr := range addrs {
		a := w.asker(src.Net, addr, want.UserAgent, &todo, len(addrs) > 1)
		ports := a.askAll(ctx, named.Host)
		if ctx.Err() == nil {
			settle(named.Host, addr, ports)
		}
		for _, p := range ports {
			faces = append(faces, p.faces...)
			for _, row := range p.rows {
				out.Cover(row)
			}
		}
	}
	return errors.Join(observe(ctx, out, named.Host, faces), ctx.Err())
}

func (w *web) asker(network evidence.Network, addr netip.Addr, agent string, todo *plan, several bool) *asker {
	label := func(path string) string { return path }
	if several {
		label = func(path string) string { return fmt.Sprintf("%s (%s)", path, addr) }
	}
	if agent == "" {
		agent = "postern"
	}
	return &asker{network: network, addr: addr, agent: agent, limits: w.limits, plan: todo, label: label, now: w.now, told: map[string]answer{}, dead: map[uint16]error{}}
}

func unresolved(host string, err error) evidence.Coverage {
	if err == nil {
		err = errors.New("it has no address")
	}
	reason := evidence.Unanswered
	if errors.Is(err, evidence.ErrOutOfScope) {
		reason = evidence.OutOfScope
	}
	return evidence.Gap(evidence.CoverPage, host, evidence.Exposed, reason, fmt.Sprintf("the name %s could not be resolved: %v", host, err))
}

// visit is what one port gave.
type visit struct {
	path  string // label of the port's root
	state state
	why   string // of a silent port, in words
	rows  []evidence.Coverage
	faces []face
}

// face is one product as one port of one address shows it.
type face struct {
	addr netip.Addr
	site site
	reading
}

// askAll asks every port of the plan; it stops when ctx ends.
func (a *asker) askAll(ctx context.Context, host string) []*visit {
	var all []*visit
	for _, p := range a.plan.ports {
		if ctx.Err() != nil {
			break
		}
		all = append(all, a.askPort(ctx, host, p))
	}
	return all
}

// askPort tries the schemes of a port until one answers. A port that cannot be
// connected to is not tried twice.
func (a *asker) askPort(ctx context.Context, host string, p port) *visit {
	var v *visit
	var why []string
	for _, scheme := range p.schemes {
		v = a.askSite(ctx, site{scheme, host, p.number})
		if v.state == answered {
			return v
		}
		why = append(why, v.why)
		if v.state != failed || ctx.Err() != nil {
			break
		}
	}
	v.why = strings.Join(why, "; ")
	return v
}

// askSite asks for the pages in order until a build is read.
func (a *asker) askSite(ctx context.Context, s site) *visit {
	v := &visit{path: a.label(s.label("/"))}
	var refused []string
	shown, away, kept := false, false, false
	var notes []string
	for i, page := range a.plan.pages {
		got, err := a.get(ctx, s, page.path)
		if err != nil && i == 0 {
			v.state = stateOf(err)
			v.why = v.path + ": " + v.state.say(err)
			return v
		}
		v.state = answered
		if err != nil {
			v.rows = append(v.rows, evidence.Gap(evidence.CoverPage, a.label(s.label(page.path)), evidence.Exposed, evidence.Unanswered, err.Error()))
			break
		}
		v.add(a, s, page, got)
		notes = append(notes, got.notes...)
		shown, away = shown || got.shown(), away || got.away != ""
		if why := got.refusal(page.path); why != "" {
			refused = append(refused, why)
		}
		kept = kept || page.front && (got.status == http.StatusUnauthorized || got.status == http.StatusForbidden)
		if slices.ContainsFunc(v.faces, func(f face) bool { return f.builds }) {
			break
		}
	}
	notes = unique(notes)
	for i := range v.faces {
		v.faces[i].notes = unique(append(v.faces[i].notes, notes...))
	}
	v.rows = append(v.rows, v.open(shown && !kept, away, append(refused, notes...))...)
	return v
}

// add covers one answer and reads it.
func (v *visit) add(a *asker, s site, page pageToAsk, got answer) {
	row := evidence.Coverage{Kind: evidence.CoverPage, Path: got.path, Parts: evidence.Exposed}
	if got.again { // covered where it was read
		row.Path = a.label(s.label(page.path))
	}
	ref := evidence.Ref{Collector: "web", Path: got.path, SHA256: got.sha256}
	seen := false
	for _, r := range page.readers {
		read, ours := readPage(r, ref, got.body)
		if !ours {
			continue
		}
		seen = true
		v.rows = append(v.rows, read.gaps(got.path)...)
		v.merge(face{addr: a.addr, site: s, reading: read})
	}
	if (got.shown() || seen) && !got.again {
		row.Count, row.Bytes, row.SHA256 = 1, int64(len(got.body)), got.sha256
	}
	v.rows = append(v.rows, row)
	if got.missed != nil {
		v.rows = append(v.rows, evidence.Coverage{Kind: evidence.CoverPage, Path: row.Path, Parts: evidence.Exposed, Missed: got.missed})
	}
	if got.status >= 500 || got.status == 429 {
		v.rows = append(v.rows, evidence.Gap(evidence.CoverPage, got.path, evidence.Exposed, evidence.Unanswered,
			fmt.Sprintf("the server answered with HTTP %d; ask again later", got.status)))
	}
}

// merge joins what several pages of one port say about one product: builds
// replace mere presence.
func (v *visit) merge(f face) {
	i := slices.IndexFunc(v.faces, func(g face) bool { return g.product == f.product })
	if i < 0 {
		v.faces = append(v.faces, f)
		return
	}
	g := &v.faces[i]
	g.notes = append(g.notes, f.notes...)
	switch {
	case f.builds && !g.builds:
		g.signals, g.builds = f.signals, true
	case f.builds == g.builds:
		for _, s := range f.signals {
			if !slices.Contains(g.signals, s) {
				g.signals = append(g.signals, s)
			}
		}
	}
}

// open returns what a port that answered leaves open. shown says that it served
// pages and kept no product's first page back.
func (v *visit) open(shown, away bool, said []string) []evidence.Coverage {
	var gaps []evidence.Coverage
	for _, f := range v.faces {
		if !f.builds {
			gaps = append(gaps, evidence.Gap(evidence.CoverPage, v.path, evidence.Exposed, evidence.NoBuild,
				"the product answers without stating its build; read it from the program files on the host"))
		}
	}
	if shown || len(v.faces) > 0 || len(said) == 0 {
		return gaps
	}
	reason := evidence.Unanswered
	if away {
		reason = evidence.OutOfScope
	}
	return append(gaps, evidence.Gap(evidence.CoverPage, v.path, evidence.Exposed, reason, "it answers and does not show the page that would tell: "+strings.Join(said, "; ")))
}

// settle says what the silent ports of one address mean (package comment).
func settle(host string, addr netip.Addr, ports []*visit) {
	any, known := false, false
	var tried []string
	for _, p := range ports {
		any = any || p.state == answered
		known = known || len(p.faces) > 0
		tried = append(tried, p.why)
	}
	if !any && len(ports) > 0 {
		where := host
		if host != addr.String() {
			where += " (" + addr.String() + ")"
		}
		ports[0].rows = append(ports[0].rows, evidence.Gap(evidence.CoverPage, ports[0].path, evidence.Exposed, evidence.Unanswered,
			"nothing answered at "+where+"; tried "+strings.Join(tried, "; ")))
		return
	}
	for _, p := range ports {
		switch {
		case p.state == answered:
		case p.state == closed, p.state == filtered && known:
			p.rows = append(p.rows, evidence.Coverage{Kind: evidence.CoverPage, Path: p.path, Parts: evidence.Exposed})
		default:
			p.rows = append(p.rows, evidence.Gap(evidence.CoverPage, p.path, evidence.Exposed, evidence.Unanswered, p.why))
		}
	}
}

func unique(all []string) []string {
	var kept []string
	for _, s := range all {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}
