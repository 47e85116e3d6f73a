// Package probe asks the network what only the network can tell: which product
// and build a URL serves. It never exploits. Everything it sends is a GET (or
// HEAD) without body, cookies or credentials for a page that a pack names and
// anyone may read, with a User-Agent that says who asks.
//
// Limits: 2 MiB of decoded body and 64 KiB of headers an answer, one redirect,
// never to another host, 10 seconds to the first header, 20 for an answer
// (RFC 9110 for the protocol; connect time and rate are the evidence.Network's).
//
// What silence means:
//
//   - Every address behind a name is asked. One that answers on no port is a
//     gap that lists what was tried.
//   - When no port was named, a pack's known ports are asked. Where one of an
//     address's ports answers, a port that refuses is covered (a row with Count
//     0): it was asked, and nothing listens. A port that stays silent is
//     covered only when the product was found on that address; otherwise it may
//     stand behind the filter, and is a gap.
//   - A port that answers without showing a page (every path refused, not
//     found, or redirected away) is a gap: a virtual host may want another name.
//   - A page of the product without its build is a gap. It is never a fixed one.
//   - Any other failure (TLS, reset, cut or oversized body) is a gap of its own.
package probe

import "postern/evidence"

// All returns every probe. They hold no state between calls of Collect.
func All() []evidence.Collector {
	return []evidence.Collector{newWeb()}
}
