// Package authenticode tells whether the signature embedded in a Windows program holds:
// the digest over the file (Microsoft's "Windows Authenticode Portable Executable
// Signature Format", 2008), the signature over the digest, the time stamp (RFC 3161,
// or the older counter signature), and, where roots are given, the chain. Signatures
// in catalogs are none of the file.
//
// Limits: 16 MiB of signature, 64 levels of ASN.1. Nothing is fetched: a certificate
// that was revoked is not told.
package authenticode

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/ayoubfaouzi/pkcs7"

	"postern/evidence"
)

// maxTable is the longest signature that is read, in bytes.
const maxTable = 16 << 20

// errFormat says that a signature does not decode.
var errFormat = errors.New("authenticode: damaged")

// ErrNoProgram is a file that is no Windows program.
var ErrNoProgram = errors.New("authenticode: no Windows program")

// Object identifiers of the format's section "Authenticode signature", and of RFC 3161.
var (
	digests = map[string]func() hash.Hash{
		"1.3.14.3.2.26": sha1.New, "2.16.840.1.101.3.4.2.1": sha256.New, "2.16.840.1.101.3.4.2.2": sha512.New384, "2.16.840.1.101.3.4.2.3": sha512.New,
	}
)

// digestInfo is DigestInfo (RFC 2315, 9.4), and MessageImprint of RFC 3161.
type digestInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Digest    []byte
}

// Read fills in what the signature of a program of size bytes tells: Signature, Signer,
// Signed and Why. now is when it is judged, unless a time stamp tells when it was
// signed; roots nil: none are known here. An error is one of reading r, or
// ErrNoProgram; whatever is wrong with the signature is in the facts.
func Read(r io.ReaderAt, size int64, roots *x509.CertPool, now time.Time, facts *evidence.ProgramFacts) (err error) {
	l, err := locate(r, size)
	if err != nil {
		return err
	}
	if l.tableSize == 0 {
		facts.Signature = evidence.SignatureNone
		return nil
	}
	der, err := l.signature(r)
	if err != nil {
		return bad(facts, err)
	}
	defer func() {
		if v := recover(); v != nil { // of the parser
			err = bad(facts, fmt.Errorf("%w: %v", errFormat, v))
		}
	}()
	p, err := parse(der)
	if err != nil {
		return bad(facts, err)
	}
	if len(p.Signers) > 1 {
		return fmt.Errorf("authenticode: %d signers: %w", len(p.Signers), evidence.ErrUnsupported)
	}
	signer := p.GetOnlySigner()
	if signer == nil {
		return bad(facts, fmt.Errorf("%w: no certificate of the signer", errFormat))
	}
	facts.Signer = signer.Subject.CommonName
	want, by, err := digestOf(p.Content)
	if err != nil {
		return bad(facts, err)
	}
	have, err := l.digest(r, by())
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) { // whatever else is wrong with the signature
		facts.Signature, facts.Why = evidence.SignatureAltered, "its content has another digest than the signature"
		return nil
	}
	var clock *pkcs7.SigningTimeNotValidError
	if err := p.Verify(); errors.As(err, &clock) { // whoever signed has a wrong clock, and the rest was not looked at
		return fmt.Errorf("authenticode: %w: %w", err, evidence.ErrUnsupported)
	} else if err != nil {
		return bad(facts, fmt.Errorf("%w: %w", errFormat, err))
	}
	stampWhy := stamped(p, facts)
	chain(p, signer, roots, now, facts)
	if stampWhy != "" && facts.Signature != evidence.SignatureValid {
		facts.Why += "; " + stampWhy
	}
	return nil
}

// bad says that a signature does not hold together; an error of reading stays one, and
// what is not supported, or over a limit, is no damage.
func bad(facts *evidence.ProgramFacts, err error) error {
	if !errors.Is(err, errFormat) || errors.Is(err, evidence.ErrUnsupported) || errors.Is(err, evidence.ErrLimit) {
		return err
	}
	facts.Signature, facts.Why = evidence.SignatureBroken, err.Error()
	return nil
}

// layout is where of a program its signature stands, and what the digest leaves out.
type layout struct {
	size             int64
	checksum         int64 // four bytes
	entry            int64 // eight bytes: of the data directory; 0: there is none
	table, tableSize int64
}

// locate reads a program's headers (PE format, "Optional Header").
func locate(r io.ReaderAt, size int64) (l layout, err error) {
	l.size = size
	if size < 64 {
		return l, ErrNoProgram
	}
	head := make([]byte, 64)
	if err := readAt(r, head, 0); err != nil {
		return l, err
	}
	at := int64(binary.LittleEndian.Uint32(head[60:]))
	if string(head[:2]) != "MZ" || at > size-24 {
		return l, ErrNoProgram
	}
	coff := make([]byte, 24+152)
	n, err := r.ReadAt(coff, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return l, err
	}
	coff = coff[:n]
	if n < 24+68 || string(coff[:4]) != "PE\x00\x00" {
		return l, ErrNoProgram
	}
	optional := coff[24:]
	count, dir := 92, 128
	if binary.LittleEndian.Uint16(optional) == 0x20b {
		count, dir = 108, 144
	}
	l.checksum = at + 24 + 64
	if len(optional) < dir+8 || binary.LittleEndian.Uint32(optional[count:]) < 5 {
		return l, nil
	}
	l.entry = at + 24 + int64(dir)
	l.table, l.tableSize = int64(binary.LittleEndian.Uint32(optional[dir:])), int64(binary.LittleEndian.Uint32(optional[dir+4:]))
	return l, nil
}

func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("authenticode: offset %d: %w", off, evidence.ErrTruncated)
	}
	return err
}

// signature is the first PKCS #7 signature of the certificate table
// (WIN_CERTIFICATE).
func (l *layout) signature(r io.ReaderAt) ([]byte, error) {
	if l.tableSize > maxTable {
		return nil, fmt.Errorf("authenticode: %d bytes of signature: %w", l.tableSize, evidence.ErrLimit)
	}
	if l.tableSize < 8 || l.table < l.entry || l.table+l.tableSize > l.size {
		return nil, fmt.Errorf("%w: the certificate table does not lie in the file", errFormat)
	}
	table := make([]byte, l.tableSize)
	if err := readAt(r, table, l.table); err != nil {
		return nil, err
	}
	for len(table) >= 8 {
		n := int64(binary.LittleEndian.Uint32(table))
		if n < 8 || n > int64(len(table)) {
			break
		}
		if binary.LittleEndian.Uint16(table[6:]) == 2 {
			return table[8:n], nil
		}
		table = table[min((n+7)&^7, int64(len(table))):]
	}
	return nil, fmt.Errorf("%w: the certificate table holds no signature", errFormat)
}

// digest is the hash over all of the file but the checksum, the table's entry and the
// table ("Calculating the PE Image Hash").
func (l *layout) digest(r io.ReaderAt, h hash.Hash) ([]byte, error) {
	from := int64(0)
	for _, hole := range [][2]int64{{l.checksum, 4}, {l.entry, 8}, {l.table, l.tableSize}, {l.size, 0}} {
		if hole[0] < from {
			return nil, fmt.Errorf("%w: the certificate table lies in the headers", errFormat)
		}
		n, err := io.Copy(h, io.NewSectionReader(r, from, hole[0]-from))
		if err != nil {
			return nil, err
		}
		if n < hole[0]-from {
			return nil, fmt.Errorf("authenticode: offset %d: %w", from+n, evidence.ErrTruncated)
		}
		from = hole[0] + hole[1]
	}
	return h.Sum(nil), nil
}

// digestOf reads the digest that was signed, and by what hash.
func digestOf(content []byte) ([]byte, func() hash.Hash, error) {
	var what asn1.RawValue
	rest, err := asn1.Unmarshal(content, &what)
	var d digestInfo
	if err == nil {
		_, err = asn1.Unmarshal(rest, &d)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: signed content: %w", errFormat, err)
	}
	by, known := digests[d.Algorithm.Algorithm.String()]
	if !known {
		return nil, nil, fmt.Errorf("%w: digest algorithm %s: %w", errFormat, d.Algorithm.Algorithm, evidence.ErrUnsupported)
	}
	return d.Digest, by, nil
}

// parse reads a PKCS #7 message, after a look at how deep it goes.
func parse(der []byte) (*pkcs7.PKCS7, error) {
	if !shallow(der, 0) {
		return nil, fmt.Errorf("%w: no ASN.1 of a sane depth", errFormat)
	}
	p, err := pkcs7.Parse(plain(der))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	return p, nil
}

// plain takes out of a message what stands among its certificates and is none, as in
// Microsoft's time stamps (RFC 5652, 10.2.2, attribute certificates). Nothing is
// signed over them.
func plain(der []byte) []byte {
	var info struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	var signed asn1.RawValue
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return der
	}
	if _, err := asn1.Unmarshal(info.Content.Bytes, &signed); err != nil {
		return der
	}
	var parts, certificates []byte
	for rest := signed.Bytes; len(rest) > 0; {
		var part asn1.RawValue
		next, err := asn1.Unmarshal(rest, &part)
		if err != nil {
			return der
		}
		rest = next
		if part.Class != asn1.ClassContextSpecific || part.Tag != 0 {
			parts = append(parts, part.FullBytes...)
			continue
		}
		for in := part.Bytes; len(in) > 0; {
			var c asn1.RawValue
			if in, err = asn1.Unmarshal(in, &c); err != nil {
				return der
			}
			if c.Class == asn1.ClassUniversal {
				certificates = append(certificates, c.FullBytes...)
			}
		}
		parts = append(parts, wrap(asn1.ClassContextSpecific, 0, certificates)...)
	}
	whole := wrap(asn1.ClassUniversal, asn1.TagSequence, parts)
	kind, err := asn1.Marshal(info.Type)
	if err != nil {
		return der
	}
	return wrap(asn1.ClassUniversal, asn1.TagSequence, append(kind, wrap(asn1.ClassContextSpecific, 0, whole)...))
}

// wrap puts a head before elements.
func wrap(class, tag int, elements []byte) []byte {
	b, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: elements})
	if err != nil {
		return nil
	}
	return b
}

// shallow tells whether the first element of DER data, and all in it, has a length that
// fits and a depth that a recursive reader bears. What is behind it is not looked at.
func shallow(data []byte, depth int) bool {
	const deepest = 64
	var v asn1.RawValue
	if _, err := asn1.Unmarshal(data, &v); err != nil || depth > deepest {
		return false
	}
	if !v.IsCompound {
		return true
	}
	for rest := v.Bytes; len(rest) > 0; {
		var sub asn1.RawValue
		next, err := asn1.Unmarshal(rest, &sub)
		if err != nil || sub.IsCompound && !shallow(sub.FullBytes, depth+1) {
			return false
		}
		rest = next
	}
	return true
}

// chain judges whose signature it is.
func chain(p *pkcs7.PKCS7, signer *x509.Certificate, roots *x509.CertPool, now time.Time, facts *evidence.ProgramFacts) {
	if roots == nil {
		facts.Signature, facts.Why = evidence.SignatureIntact, "no store of trusted roots tells here whose it is"
		return
	}
	between := x509.NewCertPool()
	for _, c := range p.Certificates {
		between.AddCert(c)
	}
	at := now
	if !facts.Signed.IsZero() {
		at = facts.Signed
	}
	_, err := signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
	if err != nil {
		facts.Signature, facts.Why = evidence.SignatureUntrusted, err.Error()
		return
	}
	facts.Signature = evidence.SignatureValid
}
