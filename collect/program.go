package collect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"postern/authenticode"
	"postern/evidence"

	"github.com/saferwall/pe"
	pelog "github.com/saferwall/pe/log"
)

// errNoProgram is a file in a program's place that is no program.
var errNoProgram = errors.New("collect: neither a Windows nor a Linux program")

// programFacts are what a Windows program tells of itself: its version resource, when
// it was compiled, and whether its signature holds; nil of any other file. No chain is
// verified: that would mean a store of roots, and on Windows traffic to fetch them. A
// resource that is damaged tells nothing.
func programFacts(content io.ReaderAt, size int64) (*evidence.ProgramFacts, error) {
	var p evidence.ProgramFacts
	err := authenticode.Read(content, size, nil, time.Now(), &p)
	if errors.Is(err, authenticode.ErrNoProgram) {
		return nil, nil
	}
	if m := openImage(content); m != nil {
		said := m.version()
		p.FileVersion, p.Company, p.Product, p.Original = said["FileVersion"], said["CompanyName"], said["ProductName"], said["OriginalFilename"]
		p.Compiled = m.made
	}
	return &p, err
}

// stated is what a program file says of its own version; "" for what it does
// not say.
type stated struct{ file, product, assembly string }

// readProgram reads the version resource and the .NET assembly table of a
// Windows program. A Linux program states nothing this way, which is no error.
// What could be read comes with the error of what could not.
func readProgram(data []byte) (s stated, err error) {
	switch {
	case bytes.HasPrefix(data, []byte("\x7fELF")):
		return stated{}, nil
	case len(data) == 0:
		return stated{}, fmt.Errorf("collect: empty program file: %w", evidence.ErrTruncated)
	case !bytes.HasPrefix(data, []byte("MZ")):
		return stated{}, errNoProgram
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("collect: program file is damaged: %v", r)
		}
	}()
	file, err := pe.NewBytes(data, &pe.Options{Fast: true, Logger: mute{}})
	if err != nil {
		return stated{}, fmt.Errorf("collect: program file: %w", err)
	}
	if err := file.Parse(); err != nil {
		return stated{}, fmt.Errorf("collect: program file: %w", cutOr(data, err))
	}
	if m := openImage(bytes.NewReader(data)); m != nil {
		said := m.version()
		s.file, s.product = said["FileVersion"], said["ProductVersion"]
	}
	if err := cut(file, len(data)); err != nil {
		return s, err // the tables of a cut file read as zeros, which would be some other version
	}
	s.assembly = assemblyVersion(data)
	return s, nil
}

// cutOr says that a header which does not parse may be a file cut short.
func cutOr(data []byte, err error) error {
	if len(data) < 0x400 {
		return fmt.Errorf("%w: %w", evidence.ErrTruncated, err)
	}
	return err
}

// cut reports a section that reaches past the end of the file.
func cut(file *pe.File, size int) error {
	for _, s := range file.Sections {
		if end := int64(s.Header.PointerToRawData) + int64(s.Header.SizeOfRawData); end > int64(size) {
			return fmt.Errorf("collect: program file has %d bytes of %d: %w", size, end, evidence.ErrTruncated)
		}
	}
	return nil
}

// mute takes the parser's log, which else goes to standard output.
type mute struct{}

func (mute) Log(pelog.Level, ...any) error { return nil }

// assemblyVersion reads the version in the .NET assembly table; "" without one.
func assemblyVersion(data []byte) (version string) {
	defer func() {
		if recover() != nil {
			version = "" // damaged tables state no version; the caller knows a cut file by its sections
		}
	}()
	file, err := pe.NewBytes(data, &pe.Options{
		Logger: mute{}, DisableCertValidation: true, DisableSignatureValidation: true,
		OmitExportDirectory: true, OmitImportDirectory: true, OmitExceptionDirectory: true, OmitResourceDirectory: true,
		OmitSecurityDirectory: true, OmitRelocDirectory: true, OmitDebugDirectory: true, OmitArchitectureDirectory: true,
		OmitGlobalPtrDirectory: true, OmitTLSDirectory: true, OmitLoadConfigDirectory: true, OmitBoundImportDirectory: true,
		OmitIATDirectory: true, OmitDelayImportDirectory: true,
	})
	if err != nil || file.Parse() != nil {
		return ""
	}
	table := file.CLR.MetadataTables[pe.Assembly]
	if table == nil {
		return ""
	}
	rows, _ := table.Content.([]pe.AssemblyTableRow)
	if len(rows) == 0 {
		return ""
	}
	a := rows[0]
	if a.MajorVersion|a.MinorVersion|a.BuildNumber|a.RevisionNumber == 0 {
		return "" // unset
	}
	return fmt.Sprintf("%d.%d.%d.%d", a.MajorVersion, a.MinorVersion, a.BuildNumber, a.RevisionNumber)
}

// maxPatternHits bounds how many different versions one file may state.
const maxPatternHits = 8

// patternVersions looks for a version's spelling in raw bytes, as ASCII and as
// UTF-16LE. Different ones are all given: which holds is judged elsewhere.
func patternVersions(data []byte, pattern *regexp.Regexp) []string {
	var found []string
	seen := map[string]bool{}
	for _, view := range [][]byte{data, narrow(data, 0), narrow(data, 1)} {
		for _, m := range pattern.FindAllSubmatch(view, 64) {
			v := string(m[len(m)-1])
			if v != "" && !seen[v] && len(found) < maxPatternHits {
				seen[v] = true
				found = append(found, v)
			}
		}
	}
	return found
}

// narrow reads data as UTF-16LE from an even or odd offset; characters beyond
// one byte become 0xff, which no version holds.
func narrow(data []byte, from int) []byte {
	out := make([]byte, 0, len(data)/2)
	for i := from; i+1 < len(data); i += 2 {
		if data[i+1] != 0 {
			out = append(out, 0xff)
			continue
		}
		out = append(out, data[i])
	}
	return out
}
