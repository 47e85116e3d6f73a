package collect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"

	"postern/authenticode"
	"postern/evidence"

	"github.com/saferwall/pe"
	pelog "github.com/saferwall/pe/log"
)

// errNoProgram is a file in a program's place that is no program.
var errNoProgram = errors.New("collect: neither a Windows nor a Linux program")

// maxVersioned is the largest program whose version resource is read for its facts:
// the parser takes the file whole.
const maxVersioned = 16 << 20

// programFacts are what a Windows program tells of itself: its version resource, when
// it was compiled, and whether its signature holds; nil of any other file. No chain is
// verified: that would mean a store of roots, and on Windows traffic to fetch them.
func programFacts(content io.ReaderAt, size int64) (*evidence.ProgramFacts, error) {
	var p evidence.ProgramFacts
	err := authenticode.Read(content, size, nil, time.Now(), &p)
	if errors.Is(err, authenticode.ErrNoProgram) || errors.Is(err, evidence.ErrTruncated) && size < 512 {
		return nil, nil
	}
	if err != nil || size > maxVersioned {
		return &p, err
	}
	data := make([]byte, size)
	if n, err := content.ReadAt(data, 0); n < len(data) {
		return &p, short(int64(n), size, err)
	}
	describe(&p, data)
	return &p, nil
}

// describe fills in what a program's version resource and header say of it; of a
// damaged one nothing.
func describe(p *evidence.ProgramFacts, data []byte) {
	defer func() { _ = recover() }() // of the parser; what is not told stays empty
	file, err := pe.NewBytes(data, &pe.Options{Fast: true, Logger: mute{}})
	if err != nil || file.Parse() != nil {
		return
	}
	said := versionResource(file)
	p.FileVersion, p.Company, p.Product, p.Original = said["FileVersion"], said["CompanyName"], said["ProductName"], said["OriginalFilename"]
	if at := file.NtHeader.FileHeader.TimeDateStamp; at != 0 {
		p.Compiled = time.Unix(int64(at), 0).UTC()
	}
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
	said := versionResource(file)
	s.file, s.product = said["FileVersion"], said["ProductVersion"]
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

// resourceVersion is RT_VERSION, the type of a version resource.
const resourceVersion = 16

// versionResource reads the texts of a version resource by their names, nil without
// one. The walk down the
// resource tree is ours: three levels, first entry each; the library's follows
// a hostile tree wherever it leads.
func versionResource(file *pe.File) map[string]string {
	rva, ok := resourceRoot(file)
	if !ok {
		return nil
	}
	at := uint32(0)
	for level := range 3 {
		entry, ok := resourceEntry(file, rva, at, level == 0)
		if !ok {
			return nil
		}
		if at = entry & 0x7fffffff; entry&0x80000000 == 0 {
			break // data already: a tree with fewer levels
		}
	}
	data, err := file.ReadUint32(file.GetOffsetFromRva(rva + at))
	if err != nil {
		return nil
	}
	size, err := file.ReadUint32(file.GetOffsetFromRva(rva + at + 4))
	if err != nil {
		return nil
	}
	block, err := file.ReadBytesAtOffset(file.GetOffsetFromRva(data), min(size, 1<<16))
	if err != nil {
		return nil
	}
	found := map[string]string{}
	versionStrings(block, 0, found)
	if found["FileVersion"] == "" {
		found["FileVersion"] = fixedVersion(block)
	}
	return found
}

// resourceRoot returns the address of the resource tree.
func resourceRoot(file *pe.File) (uint32, bool) {
	switch h := file.NtHeader.OptionalHeader.(type) {
	case pe.ImageOptionalHeader64:
		d := h.DataDirectory[pe.ImageDirectoryEntryResource]
		return d.VirtualAddress, d.VirtualAddress != 0
	case pe.ImageOptionalHeader32:
		d := h.DataDirectory[pe.ImageDirectoryEntryResource]
		return d.VirtualAddress, d.VirtualAddress != 0
	}
	return 0, false
}

// resourceEntry returns where a directory's entry leads: the version type's at
// the top, the first one below.
func resourceEntry(file *pe.File, rva, at uint32, top bool) (uint32, bool) {
	counts, err := file.ReadUint32(file.GetOffsetFromRva(rva + at + 12))
	if err != nil {
		return 0, false
	}
	for i := range counts>>16 + counts&0xffff {
		entry := file.GetOffsetFromRva(rva + at + 16 + 8*i)
		id, err := file.ReadUint32(entry)
		if err != nil {
			return 0, false
		}
		if top && id != resourceVersion {
			continue
		}
		to, err := file.ReadUint32(entry + 4)
		return to, err == nil
	}
	return 0, false
}

// versionStrings collects the text values of a version resource: blocks of
// length, value length, type and key, then value and children, each on a
// border of four bytes (VS_VERSIONINFO).
func versionStrings(block []byte, depth int, found map[string]string) {
	for len(block) >= 6 && depth < 4 {
		length := int(binary.LittleEndian.Uint16(block))
		if length < 6 || length > len(block) {
			return
		}
		key, rest := cutUTF16(block[6:length], 6)
		values := int(binary.LittleEndian.Uint16(block[2:]))
		text := binary.LittleEndian.Uint16(block[4:]) == 1
		switch {
		case depth == 3 && found[key] == "":
			value, _ := cutUTF16(rest, 0)
			found[key] = strings.TrimSpace(value)
		case depth < 3 && !text && values <= len(rest):
			versionStrings(align(rest, values), depth+1, found)
		case depth < 3 && text:
			versionStrings(rest, depth+1, found)
		}
		block = align(block, length)
	}
}

// align returns b from the next border of four bytes at or after n.
func align(b []byte, n int) []byte { return b[min((n+3)&^3, len(b)):] }

// cutUTF16 reads a string up to its NUL; the rest begins on a border of four
// bytes counted from head bytes before b.
func cutUTF16(b []byte, head int) (string, []byte) {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u := binary.LittleEndian.Uint16(b[i:])
		if u == 0 {
			return string(utf16.Decode(units)), b[min((head+i+2+3)&^3-head, len(b)):]
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), nil
}

// fixedVersion reads the numeric file version (VS_FIXEDFILEINFO).
func fixedVersion(block []byte) string {
	at := bytes.Index(block, []byte{0xbd, 0x04, 0xef, 0xfe})
	if at < 0 || len(block) < at+16 {
		return ""
	}
	high, low := binary.LittleEndian.Uint32(block[at+8:]), binary.LittleEndian.Uint32(block[at+12:])
	if high == 0 && low == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d", high>>16, high&0xffff, low>>16, low&0xffff)
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
