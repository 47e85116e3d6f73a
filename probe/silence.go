package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// state is how a port behaved.
type state uint8

const (
	failed   state = iota // connected, and then nothing that could be read
	answered              // spoke HTTP
	closed                // refused: nothing listens
	filtered              // no answer at all
)

// refusals are what a closed port gives. 10061 is WSAECONNREFUSED, which
// syscall.ECONNREFUSED is not on Windows.
var refusals = []error{syscall.ECONNREFUSED, syscall.Errno(10061)}

// stateOf tells a closed port from a filtered one and from a broken answer.
func stateOf(err error) state {
	for _, refused := range refusals {
		if errors.Is(err, refused) {
			return closed
		}
	}
	var dial *dialError
	if errors.As(err, &dial) && timedOut(err) {
		return filtered
	}
	return failed
}

// say puts the failure in words; closed and filtered need no more than a few.
func (s state) say(err error) string {
	switch s {
	case closed:
		return "refused, nothing listens there"
	case filtered:
		return "no answer in time"
	}
	return err.Error()
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// certificateNote says in words what is wrong with the certificate that a
// server showed; "" for nothing, or no TLS. The chain is not followed to a
// root: Windows would fetch issuers over the network for that, from hosts
// nobody named.
func certificateNote(host string, conn *tls.ConnectionState, now time.Time) string {
	if conn == nil || len(conn.PeerCertificates) == 0 {
		return ""
	}
	cert := conn.PeerCertificates[0]
	var wrong []string
	if name, err := netip.ParseAddr(host); err == nil {
		host = name.WithZone("").String()
	}
	if cert.VerifyHostname(host) != nil {
		wrong = append(wrong, "is not for "+host)
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		wrong = append(wrong, fmt.Sprintf("is valid only from %s to %s", cert.NotBefore.UTC().Format(time.DateOnly), cert.NotAfter.UTC().Format(time.DateOnly)))
	}
	if selfSigned(cert) {
		wrong = append(wrong, "is signed by itself")
	}
	if len(wrong) == 0 {
		return ""
	}
	return "the certificate " + strings.Join(wrong, " and ")
}

func selfSigned(cert *x509.Certificate) bool {
	return string(cert.RawIssuer) == string(cert.RawSubject) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}
