// Package evtx reads Windows XML event logs (.evtx, Windows Vista and later) as
// flat events: one evidence.Schema for each shape of event, values as UTF-8
// text by position. Sources of the facts: [MS-EVEN6] section 2.2.12 for Binary
// XML, the libevtx project's "Windows XML Event Log (EVTX) format" for the file
// around it.
//
// A file is a header and chunks of 64 KiB that need nothing of each other: each
// holds its own names and templates. They are read one after the other, so that
// any io.Reader will do. A template is compiled once per shape of it, into a
// list of fields that says which values make up which text.
//
// # Names
//
// What stands in System keeps its element's name, an attribute is called after
// both: Provider_Name, Execution_ProcessID; TimeCreated is the attribute
// SystemTime of that element, Qualifiers that of EventID. A Data element is
// called by its Name; those without one are joined by line breaks as Data. Any
// other element with text is called by its own name, and repeated names are
// joined by line breaks. A name that System has too gets the section's in
// front: EventData_Level. A value that the record lacks is nil, an empty one is
// empty.
//
// # What cannot be read
//
// Nothing ends the reading of a file but its reader's error. A chunk without a
// sound header is searched for records all the same; a record that does not
// decode, or that its chunk promises and does not hold, is counted as lost in
// Result, with the chunk and the reason. A checksum that fails loses nothing and
// is told, unless the file says that it has none.
//
// Limits: text of a record 1 MiB, of a chunk 16 MiB, 1 MiB of templates a chunk,
// 8 fragments of Binary XML a record, 64 levels of elements, 1024 fields a
// fragment, 4096 schemas a file. What is beyond is lost and counted. A reader
// holds at most about 100 MiB of a hostile file and 2 MiB of an ordinary one,
// whatever its size.
package evtx
