package evidence

import "time"

// FileFacts is what a source tells of a file beside its name, size and content.
type FileFacts struct {
	Modified, Birth, Changed time.Time     // as Entry has them; zero: not recorded or not trustworthy
	Site                     *Site         // the web root it lies in; nil: in none that is known
	Program                  *ProgramFacts // nil: it is no program, or was not read as one
}

// Site is a folder that a web server serves files of, or runs them.
type Site struct {
	Root      string    // the machine's path, lower case, slashes forward, without one at its end
	Name      string    // as the server's configuration names it; "" where it names none
	From      string    // what says so: the configuration file's path, a pack's id, or that the operator named it
	Installed time.Time // when what it serves was installed; zero: not known
}

// ProgramFacts is what a program file (PE) tells of itself.
type ProgramFacts struct {
	FileVersion, Company, Product, Original string    // of its version resource; "" where it has none
	Compiled                                time.Time // COFF header; zero: none, or no time (a reproducible build's hash)
	Signature                               Signature
	Signer                                  string    // common name of the signer's certificate, as it claims where Signature is not SignatureValid
	Signed                                  time.Time // by a countersignature; zero: none
	Why                                     string    // what Signature rests on, where it is not SignatureNone or SignatureValid
}

// Signature says whether an embedded Authenticode signature holds.
type Signature string

// The states of a signature.
const (
	SignatureUnread    Signature = ""          // not looked at
	SignatureNone      Signature = "none"      // there is none in the file; a catalog may have it
	SignatureValid     Signature = "valid"     // content and chain hold, up to a root that is trusted here
	SignatureIntact    Signature = "intact"    // content and signature hold; no root store here tells whose it is
	SignatureUntrusted Signature = "untrusted" // content and signature hold, and the chain ends at no trusted root
	SignatureAltered   Signature = "altered"   // the content is not what was signed
	SignatureBroken    Signature = "broken"    // it does not decode, or its own signature does not hold
)
