package probe

import (
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"postern/evidence"
)

// network stands for the operator's: names resolve to addrs, and each address
// and port leads to a test server's listener, or to an error.
type network struct {
	endpoint evidence.Endpoint
	addrs    []string
	to       map[string]string // "192.0.2.7:443" to a listener
	errs     map[string]error  // else: refused
	resolve  error
	mu       sync.Mutex
	dialed   []string
}

func (n *network) Endpoint() evidence.Endpoint { return n.endpoint }

func (n *network) Resolve(context.Context, string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, a := range n.addrs {
		all = append(all, netip.MustParseAddr(a))
	}
	return all, n.resolve
}

func (n *network) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, addr.String())
	n.mu.Unlock()
	if to := n.to[addr.String()]; to != "" {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", to)
	}
	if err := n.errs[addr.String()]; err != nil {
		return nil, err
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

var errFiltered = &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}

// sink keeps what the probe found.
type sink struct {
	cover    []evidence.Coverage
	installs []evidence.Installation
	open     int
}

func (s *sink) Lane(evidence.Ref) evidence.Lane   { s.open++; return s }
func (s *sink) Cover(c evidence.Coverage)         { s.cover = append(s.cover, c) }
func (s *sink) Events(*evidence.EventBatch) error { return nil }
func (s *sink) Close() error                      { s.open--; return nil }
func (s *sink) Observe(_ context.Context, o *evidence.Observation) error {
	s.installs = append(s.installs, *o.Installation)
	return nil
}

// gaps lists the reasons of all gaps, sorted.
func (s *sink) gaps() string {
	var all []string
	for _, c := range s.cover {
		if c.Missed != nil {
			all = append(all, string(c.Missed.Reason))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// versions lists every version that every installation states.
func (s *sink) versions() string {
	var all []string
	for _, in := range s.installs {
		var own []string
		for _, sig := range in.Signals {
			own = append(own, sig.Version)
		}
		all = append(all, in.Path+": "+strings.Join(own, " | "))
	}
	return strings.Join(all, "; ")
}

func (s *sink) pages() (n int64) {
	for _, c := range s.cover {
		n += c.Count
	}
	return n
}

// onlyReads fails the test on any request but a bare GET or HEAD.
func onlyReads(t *testing.T, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			t.Errorf("the probe sent %s %s", r.Method, r.URL)
		}
		if r.ContentLength != 0 || r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("the probe sent more than a question: %v", r.Header)
		}
		if r.UserAgent() != "postern-test" {
			t.Errorf("User-Agent %q does not say who asks", r.UserAgent())
		}
		h.ServeHTTP(w, r)
	})
}

// pages serves bodies by path and 404 for the rest.
func pages(bodies map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, there := bodies[r.URL.Path]
		if !there {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, body)
	})
}

func plain(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(onlyReads(t, h))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

func secure(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewTLSServer(onlyReads(t, h))
	s.Config.ErrorLog = nil
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

// probe runs the web probe and returns what it reported.
func probe(t *testing.T, n *network) *sink {
	t.Helper()
	out, err := probeWith(t.Context(), n, limits{header: time.Minute, whole: time.Minute, body: 64 << 10})
	if err != nil {
		t.Fatalf("Collect: %v", err)
	}
	if out.open != 0 {
		t.Errorf("%d lanes left open", out.open)
	}
	return out
}

func probeWith(ctx context.Context, n *network, l limits) (*sink, error) {
	if n.endpoint.Host == "" {
		n.endpoint.Host = "mail.example.org"
	}
	if n.addrs == nil {
		n.addrs = []string{"192.0.2.7"}
	}
	out := &sink{}
	w := &web{limits: l, now: func() time.Time { return time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) }}
	err := w.Collect(ctx, &evidence.Source{Net: n}, &evidence.Interest{Products: []evidence.Product{smartermail()}, UserAgent: "postern-test"}, out)
	return out, err
}

func gzipped(w http.ResponseWriter, chunk []byte, times int) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	for range times {
		if _, err := z.Write(chunk); err != nil {
			return
		}
	}
	_ = z.Close()
}
