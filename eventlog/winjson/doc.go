// Package winjson reads events of Windows that somebody exported as JSON, as the
// same flat events that package evtx gives, with the same names and log sources,
// so that every rule holds for both. Objects may stand one a line, spread over
// many lines, or in one list. Known by their keys are what these write: evtx_dump
// (github.com/omerbenamram/evtx, which chainsaw, hayabusa and SigmaHQ's
// regression data use), Velociraptor's parse_evtx, Winlogbeat 6 and later (the
// Elastic Common Schema), PowerShell's Get-WinEvent | ConvertTo-Json, NXLog and
// others that write flat objects with EventID and Channel, Wazuh, and postern
// events itself.
//
// # What is lost
//
// An object that is no event, does not read, or is larger than 1 MiB is counted
// with the line it begins in. Get-WinEvent gives values without their names: they
// stand together in Data, but for Sysmon's, whose message spells both; such
// records are counted as unnamed, for no rule by name can see them. Several values of
// one name stand together in its field, a line each, and such events are counted; so
// are those with lists of more than 256 values, of which the rest is not read. Who
// exports chooses: record numbers that are missing are counted, by channel and
// computer.
//
// Limits: an object 1 MiB, 16 levels, 1024 keys, 4096 shapes remembered. A
// reader holds at most about 20 MiB whatever the file's size, 8 MiB of them record
// numbers.
package winjson
