package probe

import (
	"slices"
	"strings"

	"postern/evidence"
)

// plan is the one request set that serves every product with a web face.
type plan struct {
	ports []port
	pages []pageToAsk
}

// port is a TCP port and the schemes to try on it, https first: a TLS server
// answers a plain request with a page of its own, and that page proves nothing.
type port struct {
	number  uint16
	schemes []string
}

// pageToAsk is one path and everything that wants to read what it serves.
type pageToAsk struct {
	path    string
	readers []reader
	front   bool // a product's first page: a server that refuses just this one hides something
}

// reader is one product's way to read one page.
type reader struct {
	product string
	request evidence.PageRequest
}

// newPlan merges the recipes of products for one endpoint: a port that was
// named is the only one, and its scheme, if named, too. A path that the
// operator named is read with every pattern, and taken for the folder a reverse
// proxy shows the product in; "/" comes last, read as each
// product's first page, as proof of what else is served here.
func newPlan(products []evidence.Product, named evidence.Endpoint) plan {
	var p plan
	var every, first []reader
	for _, product := range products {
		if product.Web == nil {
			continue
		}
		for _, known := range product.Web.Ports {
			p.addPort(known.Number, known.TLS)
		}
		for i, request := range product.Web.Requests {
			r := reader{product.ID, request}
			at := p.addPage(request.Path, r)
			p.pages[at].front = p.pages[at].front || i == 0
			every = append(every, r)
			if i == 0 {
				first = append(first, r)
			}
		}
	}
	if len(every) == 0 {
		return plan{}
	}
	if named.Port != 0 {
		p.ports = []port{{named.Port, []string{"https", "http"}}}
		if named.Scheme != "" {
			p.ports[0].schemes = []string{named.Scheme}
		}
	}
	if named.Path != "" && named.Path != "/" {
		p.pages = slices.DeleteFunc(p.pages, func(q pageToAsk) bool { return q.path == named.Path })
		fronts := p.below(named.Path, first)
		p.pages = slices.Insert(p.pages, 0, append([]pageToAsk{{path: named.Path, readers: every}}, fronts...)...)
	}
	if !slices.ContainsFunc(p.pages, func(q pageToAsk) bool { return q.path == "/" }) {
		p.addPage("/", first...)
	}
	return p
}

// below lists products' first pages inside a folder; none where the path names
// such a page already.
func (p *plan) below(folder string, first []reader) []pageToAsk {
	var all []pageToAsk
	for _, r := range first {
		if strings.HasSuffix(folder, r.request.Path) {
			return nil
		}
		path := strings.TrimRight(folder, "/") + r.request.Path
		if slices.ContainsFunc(append(all, p.pages...), func(q pageToAsk) bool { return q.path == path }) {
			continue
		}
		all = append(all, pageToAsk{path: path, readers: first})
	}
	return all
}

func (p *plan) addPort(number uint16, tls bool) {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	i := slices.IndexFunc(p.ports, func(q port) bool { return q.number == number })
	switch {
	case i < 0:
		p.ports = append(p.ports, port{number, []string{scheme}})
	case slices.Contains(p.ports[i].schemes, scheme):
	case tls:
		p.ports[i].schemes = []string{"https", "http"}
	default:
		p.ports[i].schemes = append(p.ports[i].schemes, scheme)
	}
}

// addPage returns where the page stands.
func (p *plan) addPage(path string, readers ...reader) int {
	i := slices.IndexFunc(p.pages, func(q pageToAsk) bool { return q.path == path })
	if i < 0 {
		p.pages = append(p.pages, pageToAsk{path: path, readers: readers})
		return len(p.pages) - 1
	}
	p.pages[i].readers = append(p.pages[i].readers, readers...)
	return i
}

// allows reports whether a redirect may lead to a port: it must be one that
// would have been asked anyway.
func (p *plan) allows(number uint16) bool {
	return slices.ContainsFunc(p.ports, func(q port) bool { return q.number == number })
}
