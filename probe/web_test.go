package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

func TestWhatOnePortServes(t *testing.T) {
	root := func(body string) http.Handler { return pages(map[string]string{"/interface/root": body}) }
	const at = "http://mail.example.org:9998/: "
	for _, c := range []struct {
		name     string
		server   http.Handler
		versions string
		gaps     string
		pages    int64
	}{
		{"9504", root(page9504), at + "100.0.9504 | 9504 (Jan 8, 2026) | 9504", "", 1},
		{"6919", root(page6919), at + "100.0.6919 | 6919 (Dec 11, 2018) | 100.0.6919.30414", "", 1},
		{"no build anywhere", root(pageNoBuild), at, "build not stated", 1},
		{"build from the licence API", pages(map[string]string{"/interface/root": pageNoBuild, "/api/v1/licensing/about": about6919}), at + "100.0.6919", "", 2},
		{"login settings only", pages(map[string]string{"/api/v1/auth/login-settings": settings, "/": pageForeign}), at, "build not stated", 2},
		{"version 15", pages(map[string]string{"/Login.aspx": page15}), at + "15.7.6856", "", 1},
		{"build on the start page only", pages(map[string]string{"/": page9504}), at + "100.0.9504 | 9504 (Jan 8, 2026) | 9504", "", 1},
		{"cluster", root(pageCluster), at + "100.0.9610", "out of scope", 1},
		{"foreign", pages(map[string]string{"/": pageForeign}), "", "", 1},
		{"foreign everywhere", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, pageForeign) }), "", "", 5},
		{"nothing but 404", pages(nil), "", "no answer", 0},
		{"nothing but 403", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }), "", "no answer", 0},
		{"the front page kept back", refuse("/interface/", http.StatusForbidden, pages(map[string]string{"/": pageForeign})), "", "no answer", 1},
		{"another API refused", refuse("/api/", http.StatusUnauthorized, pages(map[string]string{"/": pageForeign})), "", "", 1},
		{"a test of the browser", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<title>Just a moment...</title><script src="/cdn-cgi/challenge-platform/x"></script>`)
		}), "", "no answer", 0},
		{"an empty page", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "", "no answer", 0},
		{"API refused", refuse("/api/", http.StatusUnauthorized, root(pageNoBuild)), at, "build not stated", 1},
		{"busy", refuse("/api/v1/licensing", http.StatusServiceUnavailable, pages(map[string]string{"/": pageForeign})), "", "no answer", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := probe(t, &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998, Path: "/"}, to: map[string]string{"192.0.2.7:9998": plain(t, c.server)}})
			if got.versions() != c.versions {
				t.Errorf("versions %q, want %q", got.versions(), c.versions)
			}
			if got.gaps() != c.gaps {
				t.Errorf("gaps %q, want %q: %v", got.gaps(), c.gaps, got.cover)
			}
			if got.pages() != c.pages {
				t.Errorf("%d pages covered, want %d: %v", got.pages(), c.pages, got.cover)
			}
		})
	}
}

// refuse answers paths below prefix with a status.
func refuse(prefix string, status int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, prefix) {
			http.Error(w, "refused", status)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestSignalsCanBeOpenedAgain(t *testing.T) {
	got := probe(t, &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998}, to: map[string]string{
		"192.0.2.7:9998": plain(t, pages(map[string]string{"/interface/root": page9504}))}})
	if len(got.installs) != 1 {
		t.Fatalf("installations: %v", got.installs)
	}
	in := got.installs[0]
	if in.Product != "smartermail" || in.Role != evidence.Active || in.RoleWhy == "" {
		t.Errorf("installation %+v", in)
	}
	for _, s := range in.Signals {
		r := s.Ref
		if s.Kind != evidence.SignalPage || r.Collector != "web" || r.Unit != evidence.Offset || r.Path != "http://mail.example.org:9998/interface/root" || len(r.SHA256) != 64 {
			t.Errorf("signal %+v", s)
		}
		if r.Text == "" || !strings.HasPrefix(page9504[r.At:], r.Text) {
			t.Errorf("%q does not stand at %d", r.Text, r.At)
		}
	}
	if !slices.Contains(in.Notes, "it says that it runs on Windows") {
		t.Errorf("notes %q", in.Notes)
	}
}

func TestPortsAndSchemes(t *testing.T) {
	product := pages(map[string]string{"/interface/root": page9610})
	foreign := pages(map[string]string{"/": pageForeign})
	for _, c := range []struct {
		name     string
		endpoint evidence.Endpoint
		to       func(t *testing.T) map[string]string
		errs     map[string]error
		versions string
		gaps     string
		dialed   string // every port that was touched
	}{
		{"the known ports, 443 answers", evidence.Endpoint{},
			func(t *testing.T) map[string]string { return map[string]string{"192.0.2.7:443": secure(t, product)} }, nil,
			"https://mail.example.org:443/: 100.0.9610 | 9610 (Apr 24, 2026)", "", "17017 443 80 9998"},
		{"plain 9998 behind a silent firewall", evidence.Endpoint{},
			func(t *testing.T) map[string]string { return map[string]string{"192.0.2.7:9998": plain(t, product)} },
			map[string]error{"192.0.2.7:443": errFiltered, "192.0.2.7:80": errFiltered},
			"http://mail.example.org:9998/: 100.0.9610 | 9610 (Apr 24, 2026)", "", "17017 443 80 9998"},
		{"a foreign page, the rest closed", evidence.Endpoint{},
			func(t *testing.T) map[string]string { return map[string]string{"192.0.2.7:443": secure(t, foreign)} }, nil, "", "", "17017 443 80 9998"},
		{"a foreign page, and a silent port that may hide the product", evidence.Endpoint{},
			func(t *testing.T) map[string]string { return map[string]string{"192.0.2.7:443": secure(t, foreign)} },
			map[string]error{"192.0.2.7:9998": errFiltered}, "", "no answer", "17017 443 80 9998"},
		{"nothing answers", evidence.Endpoint{}, func(*testing.T) map[string]string { return nil }, nil, "", "no answer", "17017 443 80 9998"},
		{"port named, no scheme, TLS", evidence.Endpoint{Port: 8443},
			func(t *testing.T) map[string]string { return map[string]string{"192.0.2.7:8443": secure(t, product)} }, nil,
			"https://mail.example.org:8443/: 100.0.9610 | 9610 (Apr 24, 2026)", "", "8443"},
		{"port named, no scheme, plain", evidence.Endpoint{Port: 8080},
			func(t *testing.T) map[string]string {
				return map[string]string{"192.0.2.7:8080": plain(t, product), "192.0.2.7:443": secure(t, product)}
			}, nil,
			"http://mail.example.org:8080/: 100.0.9610 | 9610 (Apr 24, 2026)", "", "8080"},
		{"port and scheme named, and the scheme is wrong", evidence.Endpoint{Port: 8443, Scheme: "http"},
			func(t *testing.T) map[string]string { return map[string]string{"192.0.2.7:8443": secure(t, product)} }, nil, "", "no answer", "8443"},
		{"port named and closed", evidence.Endpoint{Port: 8443, Scheme: "https"}, func(*testing.T) map[string]string { return nil }, nil, "", "no answer", "8443"},
		{"not allowed", evidence.Endpoint{Port: 8443, Scheme: "https"}, func(*testing.T) map[string]string { return nil },
			map[string]error{"192.0.2.7:8443": evidence.ErrOutOfScope}, "", "no answer", "8443"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &network{endpoint: c.endpoint, to: c.to(t), errs: c.errs}
			got := probe(t, n)
			if got.versions() != c.versions {
				t.Errorf("versions %q, want %q", got.versions(), c.versions)
			}
			if got.gaps() != c.gaps {
				t.Errorf("gaps %q, want %q: %v", got.gaps(), c.gaps, got.cover)
			}
			var ports []string
			for _, d := range n.dialed {
				ports = append(ports, strings.TrimPrefix(d, "192.0.2.7:"))
			}
			slices.Sort(ports)
			if ports = slices.Compact(ports); strings.Join(ports, " ") != c.dialed {
				t.Errorf("asked ports %v, want %s", ports, c.dialed)
			}
		})
	}
}

func TestEveryAddressIsAsked(t *testing.T) {
	old, patched := pages(map[string]string{"/interface/root": page9504}), pages(map[string]string{"/interface/root": page9610})
	n := &network{endpoint: evidence.Endpoint{Scheme: "https", Port: 443}, addrs: []string{"192.0.2.7", "192.0.2.8", "2001:db8::9"}, to: map[string]string{
		"192.0.2.7:443": secure(t, patched), "192.0.2.8:443": secure(t, old)}}
	got := probe(t, n)
	want := "https://mail.example.org:443/ (192.0.2.7): 100.0.9610 | 9610 (Apr 24, 2026); https://mail.example.org:443/ (192.0.2.8): 100.0.9504 | 9504 (Jan 8, 2026) | 9504"
	if got.versions() != want {
		t.Errorf("versions %q, want %q", got.versions(), want)
	}
	if got.gaps() != "no answer" {
		t.Errorf("the address that is down must be a gap: %v", got.cover)
	}

	n = &network{endpoint: n.endpoint, addrs: []string{"192.0.2.7", "192.0.2.8"}, to: map[string]string{
		"192.0.2.7:443": secure(t, patched), "192.0.2.8:443": secure(t, patched)}}
	if got = probe(t, n); len(got.installs) != 1 || got.installs[0].Path != "https://mail.example.org:443/" {
		t.Errorf("two addresses of one build: %v", got.versions())
	}
}

func TestHostHeaderAndServerName(t *testing.T) {
	var hosts, names []string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts, names = append(hosts, r.Host), append(names, r.TLS.ServerName)
		fmt.Fprint(w, page9610)
	})
	to := secure(t, h)
	probe(t, &network{endpoint: evidence.Endpoint{Scheme: "https", Port: 443}, to: map[string]string{"192.0.2.7:443": to}})
	probe(t, &network{endpoint: evidence.Endpoint{Scheme: "https", Port: 8443}, to: map[string]string{"192.0.2.7:8443": to}})
	probe(t, &network{endpoint: evidence.Endpoint{Scheme: "https", Port: 443, Host: "2001:db8::7"}, addrs: []string{"2001:db8::7"}, to: map[string]string{"[2001:db8::7]:443": to}})
	if got := strings.Join(hosts, " "); got != "mail.example.org mail.example.org:8443 [2001:db8::7]" {
		t.Errorf("Host headers %q", got)
	}
	if got := strings.Join(names, ","); got != "mail.example.org,mail.example.org," {
		t.Errorf("server names %q", got)
	}
}

func TestBadCertificateIsTakenAndNoted(t *testing.T) {
	got := probe(t, &network{endpoint: evidence.Endpoint{Scheme: "https", Port: 443}, to: map[string]string{"192.0.2.7:443": secure(t, pages(map[string]string{"/interface/root": page9610}))}})
	if len(got.installs) != 1 || !slices.ContainsFunc(got.installs[0].Notes, func(n string) bool {
		return strings.Contains(n, "certificate is not for mail.example.org") && strings.Contains(n, "signed by itself")
	}) {
		t.Errorf("notes: %+v", got.installs)
	}
}

func TestRedirects(t *testing.T) {
	hop := func(where map[string]string, bodies map[string]string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if to := where[r.URL.Path]; to != "" {
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusFound)
				return
			}
			pages(bodies).ServeHTTP(w, r)
		})
	}
	for _, c := range []struct {
		name           string
		where, bodies  map[string]string
		versions, gaps string
		note           string
	}{
		{"one, within the host", map[string]string{"/interface/root": "/login"}, map[string]string{"/login": page9610}, "100.0.9610", "", ""},
		{"two", map[string]string{"/interface/root": "/a", "/a": "/b"}, map[string]string{"/b": page9610}, "", "out of scope", ""},
		{"in a circle", map[string]string{"/interface/root": "/interface/root", "/": "/"}, nil, "", "out of scope", ""},
		{"to another host", map[string]string{"/": "https://login.example.net/"}, nil, "", "out of scope", ""},
		{"to another host, beside the product", map[string]string{"/interface/root": "https://login.example.net/?a"}, map[string]string{"/": page9610}, "100.0.9610", "",
			"another host; name it as a target"},
		{"to another port", map[string]string{"/": "http://mail.example.org:25/"}, nil, "", "out of scope", ""},
		{"to another kind of address", map[string]string{"/": "file:///etc/passwd"}, nil, "", "out of scope", ""},
		{"with credentials", map[string]string{"/": "http://a:b@mail.example.org:9998/x"}, map[string]string{"/x": page9610}, "", "out of scope", ""},
		{"nowhere", map[string]string{"/": "http://%zz/"}, nil, "", "no answer", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998}, to: map[string]string{"192.0.2.7:9998": plain(t, hop(c.where, c.bodies))}}
			got := probe(t, n)
			if (c.versions == "") != (got.versions() == "") || !strings.Contains(got.versions(), c.versions) {
				t.Errorf("versions %q, want %q", got.versions(), c.versions)
			}
			if got.gaps() != c.gaps {
				t.Errorf("gaps %q, want %q: %v", got.gaps(), c.gaps, got.cover)
			}
			if c.note != "" && !strings.Contains(strings.Join(got.installs[0].Notes, "\n"), c.note) {
				t.Errorf("notes %q lack %q", got.installs[0].Notes, c.note)
			}
			for _, d := range n.dialed {
				if d != "192.0.2.7:9998" {
					t.Errorf("followed to %s", d)
				}
			}
		})
	}
}

func TestRedirectFromPlainToTLSIsOneInstallation(t *testing.T) {
	up := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://mail.example.org"+r.URL.Path, http.StatusMovedPermanently)
	})
	requests := 0
	count := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		pages(map[string]string{"/interface/root": page9610}).ServeHTTP(w, r)
	})
	got := probe(t, &network{to: map[string]string{"192.0.2.7:80": plain(t, up), "192.0.2.7:443": secure(t, count)}})
	if len(got.installs) != 1 || got.gaps() != "" || got.pages() != 1 || requests != 1 {
		t.Errorf("installations %s, gaps %q, pages %d, requests %d", got.versions(), got.gaps(), got.pages(), requests)
	}
	got = probe(t, &network{to: map[string]string{"192.0.2.7:80": plain(t, up)}, errs: map[string]error{"192.0.2.7:443": errFiltered}})
	if !strings.Contains(got.gaps(), "no answer") || len(got.installs) != 0 {
		t.Errorf("a redirect to a silent port: gaps %q", got.gaps())
	}
}

func TestHostileAnswers(t *testing.T) {
	chunk := []byte(strings.Repeat("a", 1<<12))
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name     string
		handler  http.HandlerFunc
		versions bool
		gap      evidence.Reason
	}{
		{"endless body", func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, false, evidence.TooLarge},
		{"endless body after a build", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, page9610)
			for {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, true, evidence.TooLarge},
		{"gzip bomb", func(w http.ResponseWriter, _ *http.Request) { gzipped(w, make([]byte, 1<<20), 64) }, false, evidence.TooLarge},
		{"never a header", hang, false, evidence.Unanswered},
		{"never an end", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "<html>")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, false, evidence.Unanswered},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, pageForeign)
		}, false, evidence.Truncated},
		{"reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, evidence.Unanswered},
		{"a coding nobody asked for", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			fmt.Fprint(w, "\x8b\x01")
		}, false, evidence.Format},
		{"headers without end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", 2*maxHeader))
		}, false, evidence.Unanswered},
		{"more versions than a page has", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, pageNoBuild)
			for i := range 100 {
				fmt.Fprintf(w, `stProductVersion = "100.0.%d"`, 9000+i)
			}
		}, true, evidence.Ambiguous},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998}, to: map[string]string{"192.0.2.7:9998": plain(t, c.handler)}}
			bound := limits{header: time.Minute, whole: time.Minute, body: 64 << 10}
			if strings.HasPrefix(c.name, "never") {
				bound.header, bound.whole = 300*time.Millisecond, 500*time.Millisecond
			}
			got, err := probeWith(t.Context(), n, bound)
			if err != nil {
				t.Fatal(err)
			}
			if (got.versions() != "") != c.versions {
				t.Errorf("versions %q", got.versions())
			}
			if !strings.Contains(got.gaps(), string(c.gap)) {
				t.Errorf("gaps %q, want %q", got.gaps(), c.gap)
			}
		})
	}
}

func TestGzipIsRead(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { gzipped(w, []byte(page9610), 1) })
	got := probe(t, &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998}, to: map[string]string{"192.0.2.7:9998": plain(t, h)}})
	if !strings.Contains(got.versions(), "100.0.9610") || got.gaps() != "" {
		t.Errorf("versions %q, gaps %q", got.versions(), got.gaps())
	}
}

func TestCancelledIsAnErrorAndKeepsWhatWasRead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	n := &network{to: map[string]string{"192.0.2.7:443": secure(t, pages(map[string]string{"/interface/root": page9610})), "192.0.2.7:80": plain(t, stop)}}
	got, err := probeWith(ctx, n, limits{header: time.Minute, whole: time.Minute, body: 1 << 16})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
	if !strings.Contains(got.versions(), "100.0.9610") {
		t.Errorf("what was read before is lost: %q", got.versions())
	}
}

func TestUnresolvedNameIsAGap(t *testing.T) {
	got := probe(t, &network{resolve: errors.New("no such host")})
	if got.gaps() != "no answer" {
		t.Errorf("gaps %q", got.gaps())
	}
	if got = probe(t, &network{resolve: evidence.ErrOutOfScope}); got.gaps() != "out of scope" {
		t.Errorf("gaps %q", got.gaps())
	}
	if got = probe(t, &network{addrs: []string{}}); got.gaps() != "no answer" {
		t.Errorf("gaps %q", got.gaps())
	}
}

func TestNothingButReadingLeaves(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "get"} {
		req, err := http.NewRequest(method, "http://192.0.2.7/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := send(req, nil); !errors.Is(err, errMethod) {
			t.Errorf("%s was sent: %v", method, err)
		}
	}
}

func TestNamedPathIsReadFirst(t *testing.T) {
	got := probe(t, &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998, Path: "/webmail/login"}, to: map[string]string{
		"192.0.2.7:9998": plain(t, pages(map[string]string{"/webmail/login": page9610}))}})
	if !strings.Contains(got.versions(), "100.0.9610") || got.pages() != 1 {
		t.Errorf("versions %q, %d pages", got.versions(), got.pages())
	}
}

func TestNamedFolderIsLookedInto(t *testing.T) {
	for _, path := range []string{"/webmail", "/webmail/"} {
		got := probe(t, &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998, Path: path}, to: map[string]string{
			"192.0.2.7:9998": plain(t, pages(map[string]string{"/webmail/interface/root": page9610}))}})
		if !strings.Contains(got.versions(), "100.0.9610") || got.gaps() != "" {
			t.Errorf("%s: versions %q, gaps %q", path, got.versions(), got.gaps())
		}
	}
}

func TestAllIsTheListOfProbes(t *testing.T) {
	all := All()
	if len(all) != 1 || all[0].Name() != "web" || all[0].Needs() != evidence.NeedNet || all[0].Parts() != evidence.Exposed {
		t.Errorf("All: %v", all)
	}
}

func TestConformance(t *testing.T) {
	to := plain(t, pages(map[string]string{"/interface/root": pageCluster}))
	evidencetest.Run(t, func() evidence.Collector { return newWeb() },
		&evidence.Interest{Products: []evidence.Product{smartermail()}, UserAgent: "postern-test"},
		func() *evidence.Source {
			return &evidence.Source{Net: &network{endpoint: evidence.Endpoint{Host: "mail.example.org", Path: "/"}, addrs: []string{"192.0.2.7"}, to: map[string]string{"192.0.2.7:80": to}}}
		})
}

func TestForeignStartPageMayNameTheVendor(t *testing.T) {
	body := `<a href="https://www.smartertools.com/smartermail/mail-server-software.aspx">our mail server</a>`
	for name, product := range recipes(t) {
		n := &network{endpoint: evidence.Endpoint{Host: "www.example.org", Scheme: "http", Port: 80}, addrs: []string{"192.0.2.7"},
			to: map[string]string{"192.0.2.7:80": plain(t, pages(map[string]string{"/": body}))}}
		out := &sink{}
		if err := newWeb().Collect(t.Context(), &evidence.Source{Net: n}, &evidence.Interest{Products: []evidence.Product{product}, UserAgent: "postern-test"}, out); err != nil {
			t.Fatal(err)
		}
		if len(out.installs) != 0 || out.gaps() != "" || out.pages() != 1 {
			t.Errorf("%s: %s, gaps %q", name, out.versions(), out.gaps())
		}
	}
}
