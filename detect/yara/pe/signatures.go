package pe

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // thumbprints are defined by it
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"postern/detect/yara/module"
)

const (
	maxSignatures = 16
	maxSignedData = 1 << 22

	maxCertificates = 256
)

// signatureFields lists the certificates of those who signed the file, nested
// signatures too. Whether the signatures hold is not checked.
func (p *image) signatureFields(f fields) {
	var all []module.Value
	at64, size := p.directory(4)
	at, end := int64(at64), int64(at64)+int64(size)
	if at > 0 && size > 0 && end <= p.size {
		for at+8 < end && len(all) < maxSignatures {
			length := int64(p.u32(at))
			if length <= 8 || length > end-at {
				break
			}
			if p.u16(at+6) == 2 && length <= maxSignedData { // PKCS #7
				all = append(all, signers(bytes.Clone(p.bytes(at+8, int(length-8))), 0)...)
			}
			at += (length + 7) &^ 7
		}
	}
	all = all[:min(len(all), maxSignatures)]
	f["number_of_signatures"] = module.Of(len(all))
	f["is_signed"] = module.Truth(len(all) > 0)
	f["signatures"] = module.Of(all)
}

type certificate struct {
	der             []byte
	version         int64
	serial          []byte
	algorithm       asn1.ObjectIdentifier
	issuer, subject asn1.RawValue
	from, to        time.Time
}

// children splits a constructed value.
func children(b []byte) (all []asn1.RawValue) {
	for len(b) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(b, &v)
		if err != nil {
			return all
		}
		all, b = append(all, v), rest
	}
	return all
}

// signers returns the certificates of the signers of a PKCS #7 structure, and
// of those in its unauthenticated attributes.
func signers(der []byte, depth int) (all []module.Value) {
	var info asn1.RawValue
	if _, err := asn1.Unmarshal(der, &info); err != nil || depth > 3 {
		return nil
	}
	parts := children(info.Bytes)
	if len(parts) < 2 {
		return nil
	}
	data := children(parts[1].Bytes)
	if len(data) == 0 {
		return nil
	}
	var certs []certificate
	var infos []asn1.RawValue
	for i, v := range children(data[0].Bytes) {
		switch {
		case v.Class == asn1.ClassContextSpecific && v.Tag == 0:
			for _, c := range children(v.Bytes) {
				if cert, ok := parseCertificate(c); ok && len(certs) < maxCertificates {
					certs = append(certs, cert)
				}
			}
		case v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSet && i > 1:
			infos = children(v.Bytes)
			infos = infos[:min(len(infos), maxSignatures)]
		}
	}
	var nested []module.Value
	for _, s := range infos {
		fs := children(s.Bytes)
		if len(fs) < 2 {
			return nil
		}
		id := children(fs[1].Bytes)
		found := false
		for _, c := range certs {
			if len(id) == 2 && bytes.Equal(c.serial, id[1].Bytes) && bytes.Equal(c.issuer.FullBytes, id[0].FullBytes) {
				all, found = append(all, c.fields()), true
				break
			}
		}
		if !found {
			return nil
		}
		for _, v := range fs[2:] {
			if v.Class == asn1.ClassContextSpecific && v.Tag == 1 {
				nested = append(nested, nestedSigners(v, depth)...)
			}
		}
	}
	return append(all, nested...)
}

// nestedSignature is Microsoft's attribute for a second signature.
var nestedSignature = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 4, 1}

func nestedSigners(attributes asn1.RawValue, depth int) (all []module.Value) {
	for _, a := range children(attributes.Bytes) {
		kv := children(a.Bytes)
		var oid asn1.ObjectIdentifier
		if len(kv) != 2 {
			continue
		}
		if _, err := asn1.Unmarshal(kv[0].FullBytes, &oid); err != nil || !oid.Equal(nestedSignature) {
			continue
		}
		for _, v := range children(kv[1].Bytes) {
			all = append(all, signers(v.FullBytes, depth+1)...)
		}
	}
	return all
}

func parseCertificate(v asn1.RawValue) (c certificate, ok bool) {
	outer := children(v.Bytes)
	if len(outer) < 2 {
		return c, false
	}
	tbs := children(outer[0].Bytes)
	c.der, c.version = v.FullBytes, 1
	if len(tbs) > 0 && tbs[0].Class == asn1.ClassContextSpecific && tbs[0].Tag == 0 {
		var n int64
		if _, err := asn1.Unmarshal(tbs[0].Bytes, &n); err == nil {
			c.version = n + 1
		}
		tbs = tbs[1:]
	}
	if len(tbs) < 5 {
		return c, false
	}
	c.serial, c.issuer, c.subject = tbs[0].Bytes, tbs[2], tbs[4]
	if algorithm := children(outer[1].Bytes); len(algorithm) > 0 {
		_, _ = asn1.Unmarshal(algorithm[0].FullBytes, &c.algorithm)
	}
	if validity := children(tbs[3].Bytes); len(validity) == 2 {
		_, _ = asn1.Unmarshal(validity[0].FullBytes, &c.from)
		_, _ = asn1.Unmarshal(validity[1].FullBytes, &c.to)
	}
	return c, true
}

func (c *certificate) fields() module.Value {
	sum := sha1.Sum(c.der) //nolint:gosec // see import
	serial := make([]string, len(c.serial))
	for i, b := range c.serial {
		serial[i] = hex.EncodeToString([]byte{b})
	}
	oid := c.algorithm.String()
	algorithm := algorithms[oid]
	if algorithm == "" {
		algorithm = "undefined"
	}
	return module.Of(fields{"thumbprint": module.Of(hex.EncodeToString(sum[:])), "version": module.Number(c.version),
		"issuer": module.Of(oneLine(c.issuer)), "subject": module.Of(oneLine(c.subject)), "algorithm": module.Of(algorithm),
		"algorithm_oid": module.Of(oid), "serial": module.Of(strings.Join(serial, ":")),
		"not_before": module.Number(c.from.Unix()), "not_after": module.Number(c.to.Unix())})
}

var algorithms = map[string]string{"1.2.840.113549.1.1.4": "md5WithRSAEncryption", "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
	"1.2.840.113549.1.1.11": "sha256WithRSAEncryption", "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
	"1.2.840.113549.1.1.13": "sha512WithRSAEncryption", "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
	"1.2.840.10045.4.3.2": "ecdsa-with-SHA256", "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
	"1.2.840.10045.4.3.4": "ecdsa-with-SHA512", "1.2.840.113549.1.1.10": "rsassaPss", "1.3.14.3.2.29": "sha1WithRSA"}

var attributes = map[string]string{"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L",
	"2.5.4.8": "ST", "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description",
	"2.5.4.15": "businessCategory", "2.5.4.17": "postalCode", "2.5.4.18": "postOfficeBox", "2.5.4.41": "name", "2.5.4.42": "GN",
	"2.5.4.43": "initials", "2.5.4.97": "organizationIdentifier", "1.2.840.113549.1.9.1": "emailAddress",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
	"1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC"}

// oneLine writes a name as /C=…/O=…/CN=….
func oneLine(name asn1.RawValue) string {
	var b strings.Builder
	for _, set := range children(name.Bytes) {
		for _, pair := range children(set.Bytes) {
			kv := children(pair.Bytes)
			var oid asn1.ObjectIdentifier
			if len(kv) != 2 {
				continue
			}
			if _, err := asn1.Unmarshal(kv[0].FullBytes, &oid); err != nil {
				continue
			}
			key := attributes[oid.String()]
			if key == "" {
				key = oid.String()
			}
			b.WriteString("/" + key + "=")
			for _, c := range kv[1].Bytes {
				switch {
				case c == 0 && kv[1].Tag == asn1.TagBMPString:
				case c < ' ' || c > '~':
					fmt.Fprintf(&b, "\\x%02X", c)
				default:
					b.WriteByte(c)
				}
			}
		}
	}
	return b.String()
}

// validOn is the function valid_on of a signature: whether its certificate was
// valid at a time.
func validOn() *module.Type {
	return module.Function(module.Overload{Args: "i", Result: module.Int, Method: true, Call: func(_ *module.Input, a []module.Value) module.Value {
		from, to := a[0].Field("not_before"), a[0].Field("not_after")
		if !from.Defined() || !to.Defined() {
			return module.Value{}
		}
		return module.Truth(from.Int() <= a[1].Int() && a[1].Int() <= to.Int())
	}})
}
