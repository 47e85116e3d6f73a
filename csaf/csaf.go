// Package csaf reads CSAF 2.0 documents (OASIS Common Security Advisory
// Framework Version 2.0, OASIS Standard, 18 November 2022) and runs the
// mandatory tests of section 6.1 on them. It is a leaf over the standard
// library.
//
// JSON types are strict: a number where the standard has a string is an error.
// Unknown fields are accepted, because the standard's JSON schema limits the
// properties of no object of a document. A name that stands twice in one object
// is an error; null is read as absent. Limits: MaxSize bytes, branches nested
// 64 deep.
package csaf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxSize is the largest document that Parse reads, in bytes. The standard
// (appendix C.1) wants readers to take 150 MB; a pack's advisories are small,
// and a larger one is refused, never cut.
const MaxSize = 16 << 20

const maxDepth = 64

// Errors that callers branch on.
var (
	ErrTooLarge  = errors.New("csaf: document is too large")
	ErrMalformed = errors.New("csaf: malformed document")
)

// Document is one CSAF document (section 3.2).
type Document struct {
	Meta            Meta            `json:"document"`
	Products        *ProductTree    `json:"product_tree"`
	Vulnerabilities []Vulnerability `json:"vulnerabilities"`
}

// Meta is the document's own description (section 3.2.1).
type Meta struct {
	Category   string      `json:"category"`
	Version    string      `json:"csaf_version"`
	Lang       string      `json:"lang"`
	SourceLang string      `json:"source_lang"`
	Title      string      `json:"title"`
	Publisher  Publisher   `json:"publisher"`
	Tracking   Tracking    `json:"tracking"`
	Notes      []Note      `json:"notes"`
	References []Reference `json:"references"`
}

// Publisher is who wrote the document (section 3.2.1.8).
type Publisher struct {
	Category  string `json:"category"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Tracking is the document's identity and history (section 3.2.1.12). Dates
// are RFC 3339.
type Tracking struct {
	ID       string     `json:"id"`
	Status   string     `json:"status"`
	Version  string     `json:"version"`
	Initial  string     `json:"initial_release_date"`
	Current  string     `json:"current_release_date"`
	Revision []Revision `json:"revision_history"`
}

// Revision is one entry of the history.
type Revision struct {
	Date    string `json:"date"`
	Number  string `json:"number"`
	Summary string `json:"summary"`
}

// Note is a text with a meaning (section 3.1.5).
type Note struct {
	Category string `json:"category"`
	Title    string `json:"title"`
	Text     string `json:"text"`
}

// Reference is a link (section 3.1.10).
type Reference struct {
	Category string `json:"category"`
	Summary  string `json:"summary"`
	URL      string `json:"url"`
}

// ProductTree defines the products of a document (section 3.2.2).
type ProductTree struct {
	Branches      []Branch       `json:"branches"`
	Names         []Product      `json:"full_product_names"`
	Groups        []Group        `json:"product_groups"`
	Relationships []Relationship `json:"relationships"`
}

// Branch is one level of the tree (section 3.1.2).
type Branch struct {
	Category string   `json:"category"`
	Name     string   `json:"name"`
	Branches []Branch `json:"branches"`
	Product  *Product `json:"product"`
}

// Product is one named product (section 3.1.3).
type Product struct {
	ID     string  `json:"product_id"`
	Name   string  `json:"name"`
	Helper *Helper `json:"product_identification_helper"`
}

// Helper identifies a product elsewhere (section 3.1.3.3).
type Helper struct {
	CPE    string       `json:"cpe"`
	PURL   *string      `json:"purl"`
	Hashes []FileHashes `json:"hashes"`
}

// FileHashes are the hashes of one file (section 3.1.3.3.2).
type FileHashes struct {
	Filename string `json:"filename"`
	Hashes   []struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	} `json:"file_hashes"`
}

// Group is a named set of products (section 3.2.2.3).
type Group struct {
	ID         string   `json:"group_id"`
	ProductIDs []string `json:"product_ids"`
}

// Relationship makes a product out of two (section 3.2.2.4).
type Relationship struct {
	Category  string  `json:"category"`
	Product   Product `json:"full_product_name"`
	Reference string  `json:"product_reference"`
	RelatesTo string  `json:"relates_to_product_reference"`
}

// Vulnerability is one vulnerability of the document (section 3.2.3). Dates
// are RFC 3339.
type Vulnerability struct {
	CVE         string        `json:"cve"`
	CWE         *CWE          `json:"cwe"`
	Title       string        `json:"title"`
	Discovered  string        `json:"discovery_date"`
	Released    string        `json:"release_date"`
	IDs         []ID          `json:"ids"`
	Flags       []Flag        `json:"flags"`
	Involved    []Involvement `json:"involvements"`
	Notes       []Note        `json:"notes"`
	Status      *Status       `json:"product_status"`
	References  []Reference   `json:"references"`
	Remediation []Remediation `json:"remediations"`
	Scores      []Score       `json:"scores"`
	Threats     []Threat      `json:"threats"`
}

// CWE is a weakness by number and name (section 3.2.3.3).
type CWE struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ID is an identifier other than a CVE (section 3.2.3.6).
type ID struct {
	System string `json:"system_name"`
	Text   string `json:"text"`
}

// Flag is a machine-readable remark on products (section 3.2.3.5).
type Flag struct {
	Label string `json:"label"`
	On
}

// On names the products and groups that a statement is about.
type On struct {
	ProductIDs []string `json:"product_ids"`
	GroupIDs   []string `json:"group_ids"`
}

// Involvement is a party's part in the handling (section 3.2.3.7).
type Involvement struct {
	Date  string `json:"date"`
	Party string `json:"party"`
}

// Status sorts products by how the vulnerability touches them (section
// 3.2.3.9). Entries are product ids.
type Status struct {
	FirstAffected      []string `json:"first_affected"`
	FirstFixed         []string `json:"first_fixed"`
	Fixed              []string `json:"fixed"`
	KnownAffected      []string `json:"known_affected"`
	KnownNotAffected   []string `json:"known_not_affected"`
	LastAffected       []string `json:"last_affected"`
	Recommended        []string `json:"recommended"`
	UnderInvestigation []string `json:"under_investigation"`
}

// Remediation is what to do (section 3.2.3.12).
type Remediation struct {
	Category string `json:"category"`
	Date     string `json:"date"`
	Details  string `json:"details"`
	URL      string `json:"url"`
	On
}

// Score is a CVSS score of products (section 3.2.3.13).
type Score struct {
	Products []string `json:"products"`
	V2       CVSS     `json:"cvss_v2"`
	V3       CVSS     `json:"cvss_v3"`
}

// Threat is what is known about attacks (section 3.2.3.14).
type Threat struct {
	Category string `json:"category"`
	Date     string `json:"date"`
	Details  string `json:"details"`
	On
}

// Parse reads one document. Errors wrap ErrTooLarge or ErrMalformed, or are
// the reader's.
func Parse(r io.Reader) (*Document, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("csaf: read: %w", err)
	}
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, MaxSize)
	}
	d := new(Document)
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("%w: byte %d: %w", ErrMalformed, dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: byte %d: something follows the document", ErrMalformed, dec.InputOffset())
	}
	if err := namesOnce(json.NewDecoder(bytes.NewReader(text))); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if d.Products != nil && deeper(d.Products.Branches, maxDepth) {
		return nil, fmt.Errorf("%w: branches nested deeper than %d", ErrMalformed, maxDepth)
	}
	return d, nil
}

// namesOnce refuses an object that has a name twice: programs differ on which
// of the two they read. The text is known to be JSON; its nesting is bounded by
// the decoder that read it before.
func namesOnce(dec *json.Decoder) error {
	open, err := dec.Token()
	if err != nil {
		return err
	}
	delim, nested := open.(json.Delim)
	if !nested {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string) // a name is a string in JSON
			if seen[name] {
				return fmt.Errorf("byte %d: name %q twice in one object", dec.InputOffset(), name)
			}
			seen[name] = true
		}
		if err := namesOnce(dec); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

func deeper(branches []Branch, limit int) bool {
	if len(branches) > 0 && limit == 0 {
		return true
	}
	for i := range branches {
		if deeper(branches[i].Branches, limit-1) {
			return true
		}
	}
	return false
}

// Each calls fn for every product that the tree defines: full names, branches
// with the names above them, relationships. Path is empty for a product outside
// the branches.
func (t *ProductTree) Each(fn func(p *Product, path []*Branch)) {
	for i := range t.Names {
		fn(&t.Names[i], nil)
	}
	eachBranch(t.Branches, nil, fn)
	for i := range t.Relationships {
		fn(&t.Relationships[i].Product, nil)
	}
}

func eachBranch(branches []Branch, above []*Branch, fn func(*Product, []*Branch)) {
	for i := range branches {
		path := append(above[:len(above):len(above)], &branches[i])
		if branches[i].Product != nil {
			fn(branches[i].Product, path)
		}
		eachBranch(branches[i].Branches, path, fn)
	}
}
