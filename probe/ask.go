package probe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"postern/evidence"
)

// limits bound one answer.
type limits struct {
	header time.Duration // to the first header, TLS handshake included once more
	whole  time.Duration // to the end of the body
	body   int64         // bytes, decoded
}

// maxHeader is how many bytes of headers are read.
const maxHeader = 64 << 10

// errMethod guards the one door: whatever a recipe becomes, only reading leaves.
var errMethod = errors.New("probe: only GET and HEAD are ever sent")

// site is one scheme and port of the host.
type site struct {
	scheme, host string
	port         uint16
}

// label is a path on the site as reports show it, the port always written.
func (s site) label(path string) string {
	return s.scheme + "://" + net.JoinHostPort(s.host, strconv.Itoa(int(s.port))) + path
}

// url is the address to ask, without a default port: it becomes the Host
// header (RFC 9110 section 7.2), and servers bind names without one.
func (s site) url(path string) (*url.URL, error) {
	host := s.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if s.scheme == "https" && s.port != 443 || s.scheme == "http" && s.port != 80 {
		host += ":" + strconv.Itoa(int(s.port))
	}
	rel, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	return (&url.URL{Scheme: s.scheme, Host: host, Path: "/"}).ResolveReference(&url.URL{Path: rel.Path, RawPath: rel.RawPath, RawQuery: rel.RawQuery}), nil
}

// answer is what one request got.
type answer struct {
	path   string // label of the page that was read in the end
	status int
	body   []byte
	sha256 string           // of the decoded body; "" when it was not read whole
	missed *evidence.Missed // why the body is not whole
	away   string           // where it redirected without being followed; "" nowhere
	again  bool             // read before, through another port or path
	notes  []string
}

// shown reports whether a page was served by the server itself.
func (a answer) shown() bool {
	return a.status/100 == 2 && len(a.body) > 0 && !challenge.Match(a.body)
}

// challenge is the page of a protection service that wants a browser to prove
// itself before it lets the server answer.
var challenge = regexp.MustCompile(`(?i)<title>\s*(?:Just a moment|Attention Required! \| Cloudflare|DDoS-Guard|You are being redirected)|\b_Incapsula_Resource\?|\bAwsWafIntegration\b`)

// refusal says in words that an answer shows no page; "" for one that does.
func (a answer) refusal(path string) string {
	switch {
	case a.shown():
		return ""
	case challenge.Match(a.body):
		return fmt.Sprintf("HTTP %d and a protection service's test of the browser for %s", a.status, path)
	}
	return fmt.Sprintf("HTTP %d for %s", a.status, path)
}

// asker asks one address of the host. What it was told once it does not ask
// again.
type asker struct {
	network evidence.Network
	addr    netip.Addr
	agent   string
	limits  limits
	plan    *plan
	label   func(string) string // marks paths with the address when a name has several
	now     func() time.Time
	told    map[string]answer
	dead    map[uint16]error // ports that could not be connected to
}

// get asks for a page and follows one redirect within the host. An error means
// that nothing was answered.
func (a *asker) get(ctx context.Context, s site, path string) (answer, error) {
	u, err := s.url(path)
	if err != nil {
		return answer{}, fmt.Errorf("probe: path %q: %w", path, err)
	}
	got, next, err := a.once(ctx, u, s)
	if err != nil || next == nil {
		return got, err
	}
	to, why := a.follow(s, next)
	if why != "" {
		got.away = next.Redacted()
		got.notes = append(got.notes, fmt.Sprintf("%s redirects to %s, which was not followed: %s", got.path, got.away, why))
		return got, nil
	}
	end, more, err := a.once(ctx, next, to)
	if err != nil {
		got.missed = &evidence.Missed{Reason: evidence.Unanswered, Detail: fmt.Sprintf("it redirects to %s, and there: %v", next.Redacted(), err)}
		return got, ctx.Err()
	}
	end.notes = append(got.notes, end.notes...)
	if more != nil {
		end.away = more.Redacted()
		end.notes = append(end.notes, fmt.Sprintf("%s redirects on to %s, which was not followed: one redirect is", end.path, end.away))
	}
	return end, nil
}

// follow says which site a redirect leads to, or why it is not followed.
func (a *asker) follow(from site, to *url.URL) (site, string) {
	s := site{scheme: to.Scheme, host: from.host, port: 443}
	switch to.Scheme {
	case "http":
		s.port = 80
	case "https":
	default:
		return s, "not a web address"
	}
	if p := to.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return s, "not a port"
		}
		s.port = uint16(n)
	}
	switch {
	case !strings.EqualFold(strings.TrimSuffix(to.Hostname(), "."), from.host):
		return s, "another host; name it as a target of its own"
	case to.User != nil:
		return s, "it carries credentials"
	case !a.plan.allows(s.port):
		return s, "a port that was not asked for; name it as a target of its own"
	}
	return s, ""
}

// once sends one GET and reads its answer; next is where it redirects.
func (a *asker) once(ctx context.Context, u *url.URL, s site) (got answer, next *url.URL, err error) {
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	if before, asked := a.told[u.String()]; asked {
		before.again = true
		return before, nil, nil
	}
	got.path = a.label(s.label(u.RequestURI()))
	conn, err := a.dial(ctx, s.port)
	if err != nil {
		return got, nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, a.limits.whole)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return got, nil, fmt.Errorf("probe: %s: %w", got.path, err)
	}
	req.Header.Set("User-Agent", a.agent)
	resp, err := send(req, transport(conn, a.limits))
	if err != nil {
		return got, nil, err
	}
	defer resp.Body.Close()
	got.status = resp.StatusCode
	if note := certificateNote(s.host, resp.TLS, a.now()); note != "" {
		got.notes = append(got.notes, note)
	}
	a.read(&got, resp)
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if next, err = resp.Location(); err != nil {
			got.notes = append(got.notes, got.path+" redirects without saying where")
			next = nil
		}
	}
	if next == nil {
		a.told[u.String()] = got
	}
	return got, next, nil
}

// dial connects to a port; one that could not be reached is not tried again.
func (a *asker) dial(ctx context.Context, number uint16) (net.Conn, error) {
	if err := a.dead[number]; err != nil {
		return nil, err
	}
	conn, err := a.network.Dial(ctx, netip.AddrPortFrom(a.addr, number))
	if err != nil {
		a.dead[number] = &dialError{err}
		return nil, a.dead[number]
	}
	return conn, nil
}

// read takes the body up to the limit. A body cut short is still read as far
// as it came, and says so.
func (a *asker) read(got *answer, resp *http.Response) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, a.limits.body+1))
	over := int64(len(body)) > a.limits.body
	if over {
		body = body[:a.limits.body]
	}
	got.body = body
	coding := strings.ToLower(resp.Header.Get("Content-Encoding"))
	switch {
	case over:
		got.missed = &evidence.Missed{Reason: evidence.TooLarge, Detail: fmt.Sprintf("the page goes on after %d bytes", a.limits.body)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		got.missed = &evidence.Missed{Reason: evidence.Truncated, Detail: "the page ended before its declared length"}
	case err != nil:
		got.missed = &evidence.Missed{Reason: evidence.Unanswered, Detail: "the page stopped: " + err.Error()}
	case coding != "" && coding != "identity":
		got.missed = &evidence.Missed{Reason: evidence.Format, Detail: fmt.Sprintf("the page is sent as %q, which was not asked for", coding)}
	default:
		sum := sha256.Sum256(body)
		got.sha256 = hex.EncodeToString(sum[:])
	}
}

// send is the only place where a request leaves.
func send(req *http.Request, via http.RoundTripper) (*http.Response, error) {
	if (req.Method != http.MethodGet && req.Method != http.MethodHead) || req.Body != nil {
		return nil, fmt.Errorf("%w: %s", errMethod, req.Method)
	}
	return via.RoundTrip(req)
}

// transport speaks HTTP/1.1 over one connection, once. Any certificate and any
// TLS version is taken: the question is what an old server serves, and a name
// it cannot prove is noted (certificateNote).
func transport(conn net.Conn, l limits) *http.Transport {
	suites := make([]uint16, 0, 32)
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		suites = append(suites, s.ID)
	}
	spent := false
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if spent {
				return nil, errors.New("probe: one connection, one request")
			}
			spent = true
			return conn, nil
		},
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: suites}, //nolint:gosec // see above
		TLSHandshakeTimeout:    l.header,
		ResponseHeaderTimeout:  l.header,
		MaxResponseHeaderBytes: maxHeader,
		DisableKeepAlives:      true,
	}
}

// dialError is a failure to connect at all.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }
