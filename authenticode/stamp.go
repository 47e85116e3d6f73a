package authenticode

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/ayoubfaouzi/pkcs7"

	"postern/evidence"
)

// Attributes that are not signed, of a signature: a token of RFC 3161, and the counter
// signature of PKCS #9 that was used before; and those of the latter.
var (
	timeStamp     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 3, 3, 1}
	counterSigned = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 6}
	messageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	signingTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
)

// stamped reads when the signature was there, by what somebody else signed of it; why
// says why that does not hold.
func stamped(p *pkcs7.PKCS7, facts *evidence.ProgramFacts) (why string) {
	for i := range p.Signers {
		s := &p.Signers[i]
		for _, a := range s.UnauthenticatedAttributes {
			var at time.Time
			var err error
			switch {
			case a.Type.Equal(timeStamp):
				at, err = stampOf(a.Value.Bytes, s.EncryptedDigest)
			case a.Type.Equal(counterSigned):
				at, err = counterOf(a.Value.Bytes, s.EncryptedDigest, p.Certificates)
			default:
				continue
			}
			if err != nil {
				return "its time stamp does not hold: " + err.Error()
			}
			facts.Signed = at
			return ""
		}
	}
	return ""
}

// stampInfo is the begin of TSTInfo (RFC 3161, 2.4.2).
type stampInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint digestInfo
	Serial  asn1.RawValue
	Time    time.Time `asn1:"generalized"`
}

// stampOf reads when a token of RFC 3161 says that a signature was there.
func stampOf(der, signature []byte) (time.Time, error) {
	t, err := parse(der)
	if err != nil {
		return time.Time{}, err
	}
	if err := t.Verify(); err != nil {
		return time.Time{}, err
	}
	var info stampInfo
	if _, err := asn1.Unmarshal(t.Content, &info); err != nil {
		return time.Time{}, fmt.Errorf("%w: time stamp: %w", errFormat, err)
	}
	by, known := digests[info.Imprint.Algorithm.Algorithm.String()]
	if !known {
		return time.Time{}, fmt.Errorf("%w: time stamp: %w", errFormat, evidence.ErrUnsupported)
	}
	h := by()
	h.Write(signature)
	if !bytes.Equal(h.Sum(nil), info.Imprint.Digest) {
		return time.Time{}, fmt.Errorf("%w: the time stamp is another signature's", errFormat)
	}
	return info.Time.UTC(), nil
}

// counter is a counter signature (RFC 2985, 5.3.6: SignerInfo of RFC 2315).
type counter struct {
	Version   int
	Who       issuer
	Digest    pkix.AlgorithmIdentifier
	Attrs     asn1.RawValue `asn1:"tag:0"`
	Algorithm pkix.AlgorithmIdentifier
	Signature []byte
}

type issuer struct {
	Name   asn1.RawValue
	Serial *big.Int
}

// attribute is one of a counter signature; Values is a set of one.
type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue
}

// signatures are the algorithms by which RSA signs, by the digest's.
var signatures = map[string]x509.SignatureAlgorithm{
	"1.3.14.3.2.26": x509.SHA1WithRSA, "2.16.840.1.101.3.4.2.1": x509.SHA256WithRSA, "2.16.840.1.101.3.4.2.2": x509.SHA384WithRSA, "2.16.840.1.101.3.4.2.3": x509.SHA512WithRSA,
}

// counterOf reads when a counter signature says that a signature was there.
func counterOf(der, signature []byte, certificates []*x509.Certificate) (time.Time, error) {
	var c counter
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return time.Time{}, fmt.Errorf("%w: counter signature: %w", errFormat, err)
	}
	by, known := digests[c.Digest.Algorithm.String()]
	if !known {
		return time.Time{}, fmt.Errorf("%w: counter signature: %w", errFormat, evidence.ErrUnsupported)
	}
	var at time.Time
	var digest []byte
	for rest := c.Attrs.Bytes; len(rest) > 0; {
		var a attribute
		next, err := asn1.Unmarshal(rest, &a)
		if err == nil && a.Type.Equal(messageDigest) {
			_, err = asn1.Unmarshal(a.Values.Bytes, &digest)
		} else if err == nil && a.Type.Equal(signingTime) {
			_, err = asn1.Unmarshal(a.Values.Bytes, &at)
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("%w: counter signature: %w", errFormat, err)
		}
		rest = next
	}
	h := by()
	h.Write(signature)
	if !bytes.Equal(h.Sum(nil), digest) {
		return time.Time{}, fmt.Errorf("%w: the counter signature is another signature's", errFormat)
	}
	for _, who := range certificates {
		if who.SerialNumber.Cmp(c.Who.Serial) == 0 && bytes.Equal(who.RawIssuer, c.Who.Name.FullBytes) {
			signed := wrap(asn1.ClassUniversal, asn1.TagSet, c.Attrs.Bytes) // as a set, RFC 2315, 9.3
			err := who.CheckSignature(signatures[c.Digest.Algorithm.String()], signed, c.Signature)
			if key, is := who.PublicKey.(*rsa.PublicKey); err != nil && is { // Symantec's service signed the digest without a name before it
				h := by()
				h.Write(signed)
				err = rsa.VerifyPKCS1v15(key, 0, h.Sum(nil), c.Signature)
			}
			if err != nil {
				return time.Time{}, fmt.Errorf("%w: counter signature: %w", errFormat, err)
			}
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: no certificate of the counter signature", errFormat)
}
