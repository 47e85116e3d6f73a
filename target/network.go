package target

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"postern/evidence"
)

// PoliteRate is how many connections a second an address bears when the
// operator says nothing.
const PoliteRate = 5.0

const (
	connectTime = 5 * time.Second // to a TCP connection
	maxRange    = 65_536          // addresses one range may name
)

// Pace holds connections to each address below a rate. Safe for concurrent use;
// one is shared by all sources of a run (Options.Pace), so that two targets on
// one machine do not double what it bears.
type Pace struct {
	perSecond float64
	mu        sync.Mutex
	hosts     map[netip.Addr]*rate.Limiter
}

// NewPace returns a Pace of perSecond connections per second and address;
// 0 or less is PoliteRate.
func NewPace(perSecond float64) *Pace {
	if !(perSecond > 0) {
		perSecond = PoliteRate
	}
	return &Pace{perSecond: perSecond, hosts: map[netip.Addr]*rate.Limiter{}}
}

// wait returns when addr may be connected to once more, or ctx's error.
func (p *Pace) wait(ctx context.Context, addr netip.Addr) error {
	p.mu.Lock()
	l := p.hosts[addr]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(p.perSecond), 1)
		p.hosts[addr] = l
	}
	p.mu.Unlock()
	return l.Wait(ctx)
}

// openURL opens what IsNetwork takes for a network target: one Source for a
// host, one for each address of a range. Nothing is asked yet. A range must lie
// wholly inside opt.Scope, and so must a host where there is a scope; else the
// error wraps evidence.ErrOutOfScope.
func openURL(_ context.Context, spec string, opt Options) ([]*evidence.Source, error) {
	if opt.Scope != nil {
		if err := opt.Scope.holds(time.Now()); err != nil {
			return nil, err
		}
	}
	if opt.Pace == nil {
		opt.Pace = NewPace(PoliteRate)
	}
	if !strings.Contains(spec, "://") && strings.Contains(spec, "/") {
		if _, err := netip.ParsePrefix(spec); err == nil {
			return openRange(spec, opt)
		}
	}
	named, err := parseEndpoint(spec)
	if err != nil {
		return nil, err
	}
	if opt.Scope != nil && !opt.Scope.Allows(named.Host) {
		return nil, fmt.Errorf("target: %q is not in the scope file: %w", spec, evidence.ErrOutOfScope)
	}
	return []*evidence.Source{newURLSource(spec, named, opt)}, nil
}

// openRange opens every address of a range.
func openRange(spec string, opt Options) ([]*evidence.Source, error) {
	p, err := parseRange(spec)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	free := p.Addr().BitLen() - p.Bits()
	switch {
	case free > 0 && opt.Scope == nil:
		return nil, fmt.Errorf("target: %s names more than one machine; say which are yours with --scope FILE: %w", spec, evidence.ErrOutOfScope)
	case free > 16:
		return nil, fmt.Errorf("target: %s has more than %d addresses; name smaller ranges: %w", spec, maxRange, evidence.ErrLimit)
	}
	var all []*evidence.Source
	for addr := p.Addr(); addr.IsValid() && p.Contains(addr); addr = addr.Next() {
		if opt.Scope != nil && !opt.Scope.AllowsAddr(addr) {
			return nil, fmt.Errorf("target: %s of %s is not in the scope file: %w", addr, spec, evidence.ErrOutOfScope)
		}
		all = append(all, newURLSource(addr.String(), evidence.Endpoint{Host: addr.String(), Path: "/"}, opt))
	}
	return all, nil
}

func newURLSource(spec string, named evidence.Endpoint, opt Options) *evidence.Source {
	src := &evidence.Source{
		Target: spec, Kind: evidence.KindURL, ID: evidence.Identity{Host: named.Host}, Close: func() error { return nil },
		Net: &namedHost{named: named, lookup: lookup, dialer: net.Dialer{Timeout: connectTime, KeepAlive: -1}, pace: opt.Pace},
	}
	bind(src, opt)
	return src
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// namedHost implements evidence.Network for the one host that was named. It
// connects to what that name resolved to, and to nothing else.
type namedHost struct {
	named  evidence.Endpoint
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dialer net.Dialer
	pace   *Pace

	mu    sync.Mutex
	known []netip.Addr
}

// Endpoint implements evidence.Network.
func (h *namedHost) Endpoint() evidence.Endpoint { return h.named }

// Resolve implements evidence.Network. The addresses come in ascending order,
// each once.
func (h *namedHost) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if name, err := hostName(host); err != nil || name != h.named.Host {
		return nil, fmt.Errorf("target: resolve %q: only %s was named: %w", host, h.named.Host, evidence.ErrOutOfScope)
	}
	addrs, err := h.addresses(ctx)
	if err != nil {
		return nil, fmt.Errorf("target: resolve %s: %w", h.named.Host, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = append(h.known, addrs...)
	return addrs, nil
}

func (h *namedHost) addresses(ctx context.Context) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(h.named.Host); err == nil {
		return []netip.Addr{addr}, nil
	}
	// The final dot keeps a search list from making another host of the name;
	// Windows has none for such names, and would miss its hosts file.
	name := h.named.Host
	if strings.Contains(name, ".") && runtime.GOOS != "windows" {
		name += "."
	}
	addrs, err := h.lookup(ctx, name)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs), err
}

// Dial implements evidence.Network. It gives up 5 seconds after its turn came.
func (h *namedHost) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	h.mu.Lock()
	known := slices.Contains(h.known, addr.Addr())
	h.mu.Unlock()
	if !known || h.named.Port != 0 && addr.Port() != h.named.Port {
		return nil, fmt.Errorf("target: connect to %s: not what %s was resolved to: %w", addr, h.named.Host, evidence.ErrOutOfScope)
	}
	if err := h.pace.wait(ctx, addr.Addr()); err != nil {
		return nil, fmt.Errorf("target: wait to connect to %s: %w", addr, err)
	}
	conn, err := h.dialer.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, fmt.Errorf("target: connect: %w", err)
	}
	return conn, nil
}
