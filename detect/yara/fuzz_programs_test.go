package yara

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestSamePairsOnMutatedPrograms holds random rules that ask the modules against
// small programs of this machine with some bytes changed, here and in libyara.
func TestSamePairsOnMutatedPrograms(t *testing.T) {
	programs := smallPrograms()
	if len(programs) < 4 {
		t.Skip("no small programs here")
	}
	campaign(t, func(m maker, seed uint64) int {
		p := &programMaker{maker: m}
		files := p.mutants(t, programs, 15)
		return m.round(t, seed, files, 30, p.rule)
	})
}

// smallPrograms are the first bytes of programs for Windows and Linux.
func smallPrograms() (all [][]byte) {
	roots := append(filepath.SplitList(os.Getenv("YARA_TREE")), goRoot()+"/src/debug", "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows", "/usr/lib/x86_64-linux-gnu/wine/i386-windows",
		"/usr/lib/x86_64-linux-gnu/gconv", filepath.Join(os.Getenv("HOME"), "go/pkg/mod/github.com/saferwall"))
	for _, root := range roots {
		for _, f := range tree(300, 60_000, root) {
			text, err := os.ReadFile(f)
			if err == nil && len(text) > 512 && (string(text[:2]) == "MZ" || string(text[:4]) == "\x7fELF") {
				all = append(all, text)
			}
		}
	}
	return all
}

// programMaker makes rules that meet the programs it has made last.
type programMaker struct {
	maker
	made [][]byte
}

// mutants writes programs with a few bytes changed, most of them in the headers.
func (p *programMaker) mutants(t *testing.T, programs [][]byte, n int) (files []string) {
	dir := t.TempDir()
	for i := range n {
		text := append([]byte{}, programs[p.IntN(len(programs))]...)
		for range p.IntN(6) {
			head := len(text)
			if p.IntN(3) > 0 {
				head = min(head, 1024)
			}
			at := 4 + p.IntN(head-4)
			switch p.IntN(4) {
			case 0:
				text[at] = 0
			case 1:
				text[at] = 0xff
			case 2:
				text[at] ^= 1 << p.IntN(8)
			default:
				text[at] = byte(p.IntN(256))
			}
		}
		if p.IntN(8) == 0 {
			text = text[:len(text)-p.IntN(len(text)/2)]
		}
		name := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		p.made = append(p.made, text)
		files = append(files, name)
	}
	return files
}

// cut takes a hex string from one of the programs.
func (p *programMaker) cut() string {
	text := p.made[p.IntN(len(p.made))]
	at := p.IntN(len(text) - 20)
	var b strings.Builder
	for i, c := range text[at : at+4+p.IntN(10)] {
		switch {
		case i > 2 && p.IntN(8) == 0:
			b.WriteString("?? ")
		case i > 2 && p.IntN(8) == 0:
			b.WriteString("[0-2] ")
		}
		fmt.Fprintf(&b, "%02X ", c)
	}
	return "{ " + b.String() + "}"
}

func (p *programMaker) rule(i int) string {
	return fmt.Sprintf("rule %s { strings: $s0 = %s $s1 = %s $s2 = \"text\" wide ascii condition: %s or (filesize < 0 and all of them) }\n",
		ruleName(i), p.cut(), p.cut(), p.truth(0))
}

var moduleNumbers = strings.Fields(`pe.machine pe.number_of_sections pe.entry_point pe.timestamp pe.characteristics pe.image_base pe.subsystem
	pe.linker_version.major pe.os_version.minor pe.size_of_headers pe.size_of_image pe.checksum pe.opthdr_magic pe.base_of_code
	pe.number_of_rva_and_sizes pe.number_of_resources pe.resource_timestamp pe.number_of_imports pe.number_of_exports
	pe.overlay.offset pe.overlay.size pe.rich_signature.key pe.rich_signature.length pe.rich_signature.offset pe.calculate_checksum()
	pe.section_index(".text") pe.section_index(1024) pe.exports_index(1) pe.number_of_signatures pe.number_of_version_infos
	pe.rich_signature.version(9782) pe.rich_signature.toolid(1) pe.dll_characteristics pe.size_of_optional_header
	elf.type elf.machine elf.entry_point elf.number_of_sections elf.number_of_segments elf.dynamic_section_entries elf.symtab_entries
	elf.sh_offset elf.ph_entry_size elf.dynsym_entries entrypoint dotnet.number_of_streams dotnet.number_of_guids
	dotnet.number_of_resources dotnet.number_of_user_strings`)

var sectionNumbers = map[string][]string{
	"pe.sections[%d].":                    strings.Fields("virtual_address virtual_size raw_data_size raw_data_offset characteristics number_of_relocations"),
	"pe.data_directories[%d].":            strings.Fields("virtual_address size"),
	"pe.resources[%d].":                   strings.Fields("offset length type id language rva"),
	"elf.sections[%d].":                   strings.Fields("type flags address size offset"),
	"elf.segments[%d].":                   strings.Fields("type flags offset virtual_address file_size memory_size alignment"),
	"elf.dynamic[%d].":                    strings.Fields("type val"),
	"elf.symtab[%d].":                     strings.Fields("value size type bind shndx"),
	"elf.dynsym[%d].":                     strings.Fields("value size type bind shndx"),
	"pe.import_details[0].functions[%d].": {"ordinal"},
	"pe.export_details[%d].":              {"offset", "ordinal"},
}

func (p *programMaker) number(depth int) string {
	switch p.IntN(9) {
	case 0, 1:
		return p.pick(moduleNumbers...)
	case 2, 3:
		prefixes := []string{"pe.sections[%d].", "pe.sections[%d].", "pe.data_directories[%d].", "pe.resources[%d].", "elf.sections[%d].", "elf.segments[%d].",
			"elf.dynamic[%d].", "elf.symtab[%d].", "elf.dynsym[%d].", "pe.import_details[0].functions[%d].", "pe.export_details[%d]."}
		prefix := p.pick(prefixes...)
		return fmt.Sprintf(prefix, p.IntN(4)) + p.pick(sectionNumbers[prefix]...)
	case 4:
		if depth < 2 {
			return "(" + p.number(depth+1) + p.pick(" + ", " - ", " & ", " % ", " ^ ") + p.number(depth+1) + ")"
		}
	case 5:
		return p.pick("uint16", "uint32", "uint8", "int32be") + "(" + p.number(depth+1) + ")"
	case 6:
		return "pe.rva_to_offset(" + p.pick("pe.data_directories[1].virtual_address", "4096", "pe.sections[1].virtual_address + 8", "100") + ")"
	case 7:
		return p.pick("filesize", "#s0", "@s0", "hash.crc32(0, 64)", "hash.checksum32(pe.overlay.offset, pe.overlay.size)", "math.mode(0, 256)", "math.count(0, 0, filesize)",
			"math.max(pe.entry_point, 7)", "math.min(elf.entry_point, filesize)", "math.abs(pe.timestamp)", "math.to_number(pe.is_pe)")
	}
	return p.pick("0", "1", "2", "3", "5", "64", "512", "1024", "4096", "0x10000", "0x400000")
}

func (p *programMaker) word() string {
	return p.pick("pe.sections[0].name", "pe.sections[1].name", "pe.sections[2].full_name", "elf.sections[1].name", "elf.symtab[2].name", "elf.dynsym[1].name", "pe.dll_name", "pe.pdb_path",
		"pe.import_details[0].library_name", "pe.import_details[0].functions[1].name", "pe.export_details[0].name", "pe.export_details[0].forward_name",
		`pe.version_info["CompanyName"]`, `pe.version_info["FileVersion"]`, "pe.imphash()", "hash.md5(0, 16)", "hash.sha256(pe.overlay.offset, pe.overlay.size)", "hash.sha1(0, filesize)",
		"pe.resources[0].type_string", "pe.resources[0].name_string", "pe.rich_signature.clear_data", "pe.signatures[0].issuer", "dotnet.version", "dotnet.module_name",
		"dotnet.streams[1].name", "dotnet.guids[0]", "dotnet.user_strings[0]", "dotnet.assembly.name")
}

func (p *programMaker) some() string {
	return `"` + p.pick(".text", ".data", "t", "e", "7", "a", ".rdata", "kernel32.dll", "0", "Microsoft", "Wine", "v") + `"`
}

func (p *programMaker) truth(depth int) string {
	if depth > 2 {
		return "$s0"
	}
	switch p.IntN(16) {
	case 0:
		return "(" + p.truth(depth+1) + p.pick(" and ", " or ") + p.truth(depth+1) + ")"
	case 1:
		return "not " + p.truth(depth+1)
	case 2:
		return "defined " + p.pick(p.number(0), p.word())
	case 3:
		return p.pick("$s0", "$s1", "any of them", "2 of them") + p.pick(" in (entrypoint..entrypoint + 300)", " in (0..pe.entry_point)", " in (elf.entry_point..filesize)", "")
	case 4:
		return p.pick("$s0", "$s1") + " at " + p.pick("entrypoint", "pe.entry_point", "elf.entry_point", "@s0", "pe.sections[0].raw_data_offset")
	case 5, 6:
		return p.word() + p.pick(" == ", " contains ", " icontains ", " startswith ", " endswith ", " istartswith ", " iendswith ", " iequals ", " < ", " != ") + p.some()
	case 7:
		return p.word() + " matches /" + p.pick("^.t", "[0-9]+", "a.*e$", "\\\\.", "^[a-f0-9]{32}$", "(dll|exe)", "x?") + "/" + p.pick("", "i", "s")
	case 8:
		return "for " + p.pick("any", "all", "2") + " s in pe.sections : (" + p.pick(`s.name contains "t"`, "s.raw_data_size > s.virtual_size", "s.virtual_address < pe.entry_point", "math.entropy(s.raw_data_offset, s.raw_data_size) > 5.0") + ")"
	case 9:
		return "for " + p.pick("any", "all", "3") + " s in elf." + p.pick(`sections : (s.name contains "e")`, "segments : (s.file_size < s.memory_size)", "symtab : (s.bind == 1)", "dynamic : (s.val > 5)")
	case 10:
		return `for ` + p.pick("any", "all") + ` k, v in pe.version_info : (k ` + p.pick("contains", "istartswith") + ` "File" and v matches /[0-9]/)`
	case 11:
		return p.pick("pe.is_dll()", "pe.is_32bit()", "pe.is_64bit()", "pe.is_pe", "dotnet.is_dotnet", "pe.language(9)", "pe.locale(1033)", `pe.exports("DllMain")`, "pe.exports(2)", "pe.exports(/^Dll/)",
			`pe.imports("kernel32.dll")`, `pe.imports("KERNEL32.dll", "ExitProcess")`, "pe.imports(/k.*/i, /^E/) > 1", `pe.imports("ws2_32.dll", 3)`, `pe.imports("ntdll.dll", "memcpy")`,
			`pe.imports(pe.IMPORT_DELAYED, "kernel32.dll")`, `pe.imports(pe.IMPORT_ANY, "msvcrt.dll")`, "pe.checksum == pe.calculate_checksum()")
	case 12:
		return "math." + p.pick("entropy(0, filesize) > 5.5", "mean(0, 512) > 40.0", "deviation(0, 512, math.MEAN_BYTES) > 60.0", "serial_correlation(0, filesize) > 0.3",
			"monte_carlo_pi(0, filesize) < 0.2", "in_range(math.entropy(0, 64), 1.0, 4.5)", "percentage(0, 0, filesize) > 0.40123", "entropy(pe.sections[0].raw_data_offset, pe.sections[0].raw_data_size) > 5.9")
	case 13:
		return `for any i in (0..` + p.pick("pe.number_of_sections", "elf.number_of_sections", "#s0") + `) : (` + p.pick(`pe.sections[i].name == ".text"`, "elf.sections[i].type == 8", "@s0[i] > pe.entry_point", "uint8(i) == 0x4c") + `)`
	}
	return "(" + p.number(0) + p.pick(" == ", " != ", " < ", " <= ", " > ", " >= ") + p.number(0) + ")"
}
