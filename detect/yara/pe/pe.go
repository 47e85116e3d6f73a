// Package pe is YARA's module pe ("PE module") over hostile files: every
// header field is taken for a lie, counts are cut at libyara's limits (96
// sections, 8,192 exports, 16,384 imported functions of a library, 65,536
// resources), and what a file does not have, or points outside of it, is
// undefined.
package pe

import "postern/detect/yara/module"

// Module returns the module pe.
func Module() module.Module {
	return module.Module{Name: "pe", Type: declared(), Open: open}
}

func ints(names ...string) map[string]*module.Type {
	fields := map[string]*module.Type{}
	for _, n := range names {
		fields[n] = module.Scalar(module.Int)
	}
	return fields
}

func texts(fields map[string]*module.Type, names ...string) map[string]*module.Type {
	for _, n := range names {
		fields[n] = module.Scalar(module.String)
	}
	return fields
}

func version() *module.Type { return module.Record(ints("major", "minor")) }

// declared lists the fields and functions of the module.
func declared() *module.Type {
	f := ints("is_pe", "machine", "number_of_sections", "timestamp", "characteristics", "entry_point", "entry_point_raw",
		"image_base", "number_of_rva_and_sizes", "number_of_version_infos", "opthdr_magic", "size_of_optional_header",
		"pointer_to_symbol_table", "number_of_symbols", "size_of_code", "size_of_initialized_data",
		"size_of_uninitialized_data", "base_of_code", "base_of_data", "section_alignment", "file_alignment",
		"win32_version_value", "size_of_image", "size_of_headers", "checksum", "subsystem", "dll_characteristics",
		"size_of_stack_reserve", "size_of_stack_commit", "size_of_heap_reserve", "size_of_heap_commit", "loader_flags",
		"number_of_imports", "number_of_imported_functions", "number_of_delayed_imports",
		"number_of_delayed_imported_functions", "number_of_exports", "export_timestamp", "number_of_resources",
		"resource_timestamp", "number_of_signatures", "is_signed")
	texts(f, "dll_name", "pdb_path")
	for _, n := range []string{"linker_version", "os_version", "image_version", "subsystem_version", "resource_version"} {
		f[n] = version()
	}
	f["sections"] = module.ListOf(module.Record(texts(ints("characteristics", "virtual_address", "virtual_size",
		"raw_data_offset", "raw_data_size", "pointer_to_relocations", "pointer_to_line_numbers",
		"number_of_relocations", "number_of_line_numbers"), "name", "full_name")))
	f["data_directories"] = module.ListOf(module.Record(ints("virtual_address", "size")))
	f["overlay"] = module.Record(ints("offset", "size"))
	imports := module.ListOf(module.Record(texts(map[string]*module.Type{
		"number_of_functions": module.Scalar(module.Int),
		"functions":           module.ListOf(module.Record(texts(ints("ordinal", "rva"), "name"))),
	}, "library_name")))
	f["import_details"], f["delayed_import_details"], f["delay_import_details"] = imports, imports, imports
	f["export_details"] = module.ListOf(module.Record(texts(ints("offset", "ordinal", "rva"), "name", "forward_name")))
	f["resources"] = module.ListOf(module.Record(texts(ints("rva", "offset", "length", "type", "id", "language"),
		"type_string", "name_string", "language_string")))
	f["version_info"] = module.DictOf(module.Scalar(module.String))
	f["version_info_list"] = module.ListOf(module.Record(texts(ints(), "key", "value")))
	rich := texts(ints("offset", "length", "key"), "raw_data", "clear_data", "version_data")
	rich["version"], rich["toolid"] = richFunctions()
	f["rich_signature"] = module.Record(rich)
	signature := texts(ints("version", "not_before", "not_after"), "thumbprint", "issuer", "subject", "algorithm",
		"algorithm_oid", "serial")
	signature["valid_on"] = validOn()
	f["signatures"] = module.ListOf(module.Record(signature))
	functions(f)
	return module.Record(module.Constants(f, constants))
}

// fields is a structure being filled.
type fields = map[string]module.Value

// open parses a content. One that is no PE file has is_pe 0 and nothing else.
func open(c module.Content) *module.Input {
	in := &module.Input{Content: c, Root: module.Of(fields{"is_pe": module.Number(0)})}
	img := parse(c)
	if img == nil {
		return in
	}
	f := fields{"is_pe": module.Number(1)}
	img.headers(f)
	img.sectionFields(f)
	img.richFields(f)
	img.importFields(f)
	img.exportFields(f)
	img.resourceFields(f)
	img.debugFields(f)
	img.signatureFields(f)
	in.Root, in.State = module.Of(f), img
	return in
}

// EntryPoint returns the offset of the entry point ("Executable entry point");
// ok is false for what is no PE file for x86. As in libyara the keyword
// entrypoint knows no alignment and no ends of sections; pe.entry_point does.
func EntryPoint(c module.Content) (offset int64, ok bool) {
	const i386, amd64, most = 0x14c, 0x8664, 60
	img := parse(c)
	if img == nil {
		return 0, false
	}
	if machine := img.u16(img.nt + 4); machine != i386 && machine != amd64 {
		return 0, false
	}
	n := min(int(img.u16(img.nt+6)), most)
	if len(img.sections) < n {
		return 0, true
	}
	rva, start, at := img.u32(img.optional+16), uint32(0), uint32(0)
	for _, s := range img.sections[:n] {
		if rva >= s.virtualAddr && start <= s.virtualAddr {
			start, at = s.virtualAddr, s.rawPtr
		}
	}
	return int64(at) + int64(rva) - int64(start), true
}
