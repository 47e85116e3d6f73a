// Package target opens what an operator names as Sources: this host, a mounted
// or copied tree, an archive of one, a triage collection, a pile of logs, a web
// address.
//
// What a directory or an archive holds is told by its layout (layout.go):
// where an operating system's root stands in it, drive by drive, and whether
// it is nothing but logs. Host name and time zone come from the files that
// state them (identity.go): /etc on Linux, the SYSTEM hive on Windows, with
// CLDR's table of Windows zones (zones.go).
//
// What is there but cannot be opened, or not whole, is a Source with Gaps.
// Only a target that is not there is an error.
package target
