// Package eventlog reads logs as evidence.Events: lines cut once, by position,
// streaming, in bounded memory. Windows event logs, which their first bytes
// tell, it hands to package evtx, and those exported as JSON to package winjson.
// Of lines it knows these layouts: "w3c" (W3C Extended Log File Format,
// WD-logfile-960323, as IIS 6 to 10, FTPSVC, HTTPERR and Windows Firewall write
// it), "lines" (the line forms a pack states, with continuation lines), and those
// whose lines are cut by packages of their own: "ncsa", "json" (jsonline),
// "syslog" and "journal" (syslog).
//
// A log may be plain, gzip, zstd, xz, bzip2 or zip (one level), in ASCII, UTF-8,
// an ANSI code page (bytes kept) or UTF-16 with a byte order mark (decoded). Whatever
// cannot be read or understood is covered with Missed set; Read itself fails
// only when its context ends or a lane refuses.
//
// Limits: a line 1 MiB (the rest of it is skipped and counted), a record with
// its continuation lines 1 MiB, 128 columns, 64 different #Fields lines a file,
// 4096 members a zip, 64 GiB of text and a ratio of 250 to 1 beyond the first
// 64 MiB for anything compressed, years 1980 to 2200. A reader holds at most
// about 6 MiB whatever the file's size, and up to 64 MiB for xz and zstd, whose
// own windows are that large.
//
// # Event.Verbatim
//
// It is true where every value stands in the record's bytes (UTF-16 as decoded),
// false where one is spelled otherwise there, as with JSON's escapes.
package eventlog
