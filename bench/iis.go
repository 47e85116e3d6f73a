package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"
)

// Parts of the lists that a run looks for, 5,000 lines together.
const (
	listedAddresses = 2000
	listedDomains   = 1500
	listedPaths     = 1000
	listedHashes    = 500
)

// Of a million lines of a web log, so many name an indicator, and so many are
// an attack that a rule knows.
const (
	plantedPerMillion = 20
	attacksPerMillion = 20
)

// iis writes web logs as IIS 10 writes them. The same seed gives the same bytes.
// Clients and indicators are drawn from the same block of reserved addresses
// (240.0.0.0/4), so that neither is told from the other by its first digits.
type iis struct {
	rand    *rand.Rand
	zipf    func(n int) int // an index below n; low ones come often
	listed  indicators
	planted int // lines per million that name an indicator
	peers   []string
	agents  []string
	paths   []string
	referer []string
	users   []string
}

// indicators is what a list holds.
type indicators struct{ addresses, domains, paths, hashes []string }

func (l *indicators) lines() []string {
	all := append([]string(nil), l.addresses...)
	return append(append(append(all, l.domains...), l.paths...), l.hashes...)
}

// newIndicators draws a list. No line of it is a part of another.
func newIndicators(r *rand.Rand) (l indicators) {
	seen := map[string]bool{}
	for len(l.addresses) < listedAddresses {
		if a := reserved(r); !startsWith(a, seen) {
			seen[a] = true
			l.addresses = append(l.addresses, a)
		}
	}
	ends := []string{"example", "test", "invalid"}
	for i := range listedDomains {
		l.domains = append(l.domains, fmt.Sprintf("%s-%s%d.%s", pick(r, words), pick(r, words), 1000+i, pick(r, ends)))
	}
	for i := range listedPaths {
		l.paths = append(l.paths, fmt.Sprintf("/%s/%s%d/%s.%s", pick(r, words), pick(r, words), 1000+i, token(r, 8), pick(r, []string{"aspx", "ashx", "php", "zip"})))
	}
	for range listedHashes {
		l.hashes = append(l.hashes, token(r, 64))
	}
	return l
}

func newIIS(seed uint64) *iis {
	r := rand.New(rand.NewPCG(seed, 1))
	z := rand.NewZipf(r, 1.1, 8, 1<<20)
	g := &iis{rand: r, zipf: func(n int) int { return int(z.Uint64()) % n }, listed: newIndicators(r), planted: plantedPerMillion}
	bad := map[string]bool{}
	for _, a := range g.listed.addresses {
		bad[a] = true
	}
	for len(g.peers) < 60_000 {
		if a := reserved(r); !startsWith(a, bad) {
			g.peers = append(g.peers, a)
		}
	}
	for range 400 {
		g.agents = append(g.agents, agent(r))
	}
	for range 6_000 {
		g.paths = append(g.paths, webPath(r))
	}
	for range 3_000 {
		g.referer = append(g.referer, fmt.Sprintf("https://%s.example.net%s", pick(r, words), webPath(r)))
	}
	for i := range 2_000 {
		g.users = append(g.users, fmt.Sprintf("%s.%s%d@example.org", pick(r, words), pick(r, words), i))
	}
	return g
}

// write writes a log of about size bytes; planted is how many of its lines name
// an indicator.
func (g *iis) write(w *bufio.Writer, size int64) (lines, planted int64, err error) {
	n, _ := fmt.Fprintf(w, "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: %s 00:00:00\r\n"+
		"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n", day.Format(time.DateOnly))
	written := int64(n)
	var row []byte
	for written < size {
		at := day.Add(time.Duration(float64(written) / float64(size) * float64(24*time.Hour)))
		var named bool
		row, named = g.row(row[:0], at)
		if named {
			planted++
		}
		lines++
		n, err := w.Write(row)
		if err != nil {
			return lines, planted, err
		}
		written += int64(n)
	}
	return lines, planted, w.Flush()
}

// row appends one line, and tells whether an indicator stands in it.
func (g *iis) row(b []byte, at time.Time) (row []byte, named bool) {
	method, path, query := "GET", g.paths[g.zipf(len(g.paths))], ""
	peer, referer, status, user := g.peers[g.zipf(len(g.peers))], "-", "200", "-"
	kind := g.rand.IntN(1_000_000)
	switch {
	case kind < g.planted:
		named = true
		if kind%2 == 0 {
			peer = pick(g.rand, g.listed.addresses)
		} else {
			referer = "https://" + pick(g.rand, g.listed.domains) + "/"
		}
	case kind < g.planted+attacksPerMillion:
		method, path, query, status = attack(kind)
	case kind < 300_000:
		method = "POST"
	case kind < 340_000:
		status = "404"
	case kind < 420_000:
		status = "304"
	}
	if referer == "-" && kind > 500_000 {
		referer = g.referer[g.zipf(len(g.referer))]
	}
	if kind%5 == 0 {
		user = g.users[g.zipf(len(g.users))]
	}
	b = at.AppendFormat(b, "2006-01-02 15:04:05 ")
	b = append(b, "192.0.2.10 "...)
	b = append(append(b, method...), ' ')
	b = append(append(b, path...), ' ')
	if query != "" {
		b = append(b, query...)
	} else {
		b = g.query(b)
	}
	b = append(append(append(b, " 443 "...), user...), ' ')
	b = append(append(b, peer...), ' ')
	b = append(append(b, g.agents[g.zipf(len(g.agents))]...), ' ')
	b = append(append(b, referer...), ' ')
	b = append(append(b, status...), " 0 0 "...)
	b = strconv.AppendInt(b, int64(g.rand.IntN(900)), 10)
	return append(b, "\r\n"...), named
}

func (g *iis) query(b []byte) []byte {
	switch g.rand.IntN(10) {
	case 0, 1, 2, 3:
		return append(b, '-')
	case 4, 5:
		b = append(b, "v=100.0.9511.30010&_="...)
		return strconv.AppendInt(b, 1768608000000+g.rand.Int64N(86_400_000), 10)
	case 6:
		b = append(b, "folder=Posteingang%2F"...)
		b = append(b, pick(g.rand, words)...)
		b = append(b, "%20%28"...)
		b = strconv.AppendInt(b, g.rand.Int64N(99), 10)
		return append(b, "%29&sort=date%3Adesc"...)
	case 7:
		b = append(b, "id="...)
		return strconv.AppendUint(b, g.rand.Uint64(), 16)
	case 8:
		b = append(b, "q="...)
		b = append(b, pick(g.rand, words)...)
		b = append(b, '+')
		return append(b, pick(g.rand, words)...)
	default:
		b = append(b, "page="...)
		b = strconv.AppendInt(b, g.rand.Int64N(40), 10)
		return append(b, "&size=50&lang=de-DE"...)
	}
}

// attack is a request that a rule of the shipped pack or of SigmaHQ's web rules
// knows.
func attack(kind int) (method, path, query, status string) {
	switch kind % 4 {
	case 0:
		return "POST", "/api/v1/auth/force-reset-password", "-", "400"
	case 1:
		return "GET", "/news/list.aspx", "id=1%27%20UNION%20SELECT%20null,table_name%20from%20information_schema.tables--", "500"
	case 2:
		return "GET", "/download.ashx", "file=../../../../etc/passwd", "404"
	default:
		return "GET", "/index.php", "q=%3Cscript%3Ealert(1)%3C/script%3E", "404"
	}
}

var day = time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)

var words = []string{"amber", "anker", "basalt", "birke", "cedar", "copper", "delta", "distel", "ember", "erle", "falke", "garnet", "hafen", "harbor", "indigo", "jasper", "kiesel",
	"lagune", "linde", "marble", "nebel", "ocean", "onyx", "pine", "quarz", "raven", "rubin", "saffron", "slate", "tanne", "topaz", "umber", "velvet", "weide", "willow", "zinnia"}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// reserved is an address that no host has (RFC 1112 section 4, class E).
func reserved(r *rand.Rand) string {
	return netip.AddrFrom4([4]byte{byte(240 + r.IntN(15)), byte(r.IntN(256)), byte(r.IntN(256)), byte(1 + r.IntN(254))}).String()
}

// startsWith reports whether s or a beginning of it is in set.
func startsWith(s string, set map[string]bool) bool {
	for n := len(s) - 2; n <= len(s); n++ {
		if set[s[:n]] {
			return true
		}
	}
	return false
}

func token(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[r.IntN(16)]
	}
	return string(b)
}

func agent(r *rand.Rand) string {
	system := pick(r, []string{"Windows+NT+10.0;+Win64;+x64", "Windows+NT+6.1;+WOW64", "Macintosh;+Intel+Mac+OS+X+10_15_7", "X11;+Linux+x86_64", "Linux;+Android+14;+Pixel+8", "iPhone;+CPU+iPhone+OS+17_4+like+Mac+OS+X"})
	switch r.IntN(5) {
	case 0:
		return fmt.Sprintf("Mozilla/5.0+(%s;+rv:%d.0)+Gecko/20100101+Firefox/%[2]d.0", system, 100+r.IntN(45))
	case 1:
		return fmt.Sprintf("Microsoft+Office/16.0+(Windows+NT+10.0;+Microsoft+Outlook+16.0.%d;+Pro)", 10000+r.IntN(9999))
	default:
		return fmt.Sprintf("Mozilla/5.0+(%s)+AppleWebKit/537.36+(KHTML,+like+Gecko)+Chrome/%d.0.%d.%d+Safari/537.36", system, 100+r.IntN(45), 4000+r.IntN(3000), r.IntN(200))
	}
}

func webPath(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return fmt.Sprintf("/interface/app/%s/%s.%s.js", pick(r, words), pick(r, words), token(r, 8))
	case 1:
		return "/api/v1/mail/" + pick(r, []string{"messages", "message", "folders", "list-folders", "attachments/" + token(r, 12)})
	case 2:
		return fmt.Sprintf("/Content/%s-%d.css", pick(r, words), r.IntN(99))
	case 3:
		return fmt.Sprintf("/files/%s%%20%s%%20(%d).pdf", pick(r, words), pick(r, words), r.IntN(30))
	case 4:
		return "/Microsoft-Server-ActiveSync/default.eas"
	default:
		return fmt.Sprintf("/%s/%s/%s-%d.aspx", pick(r, words), pick(r, words), pick(r, words), r.IntN(999))
	}
}
