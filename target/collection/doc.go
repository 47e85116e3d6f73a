// Package collection reads what triage tools tell of the collections they
// make, so that files stand under the examined machine's own names and whatever
// was not, or not wholly, collected has a name and a reason.
//
// Velociraptor (velociraptor.go): containers of the offline collector and
// exports of the server, by uploads.json where it is there and else by the
// names in uploads/, percent-encoded component by component; sparse uploads by
// their .idx; client_info.json and collection_context.json. Files that a query
// found (results/) are no trees.
//
// KAPE (kape.go): drive folders and shadow copies beside CopyLog.csv,
// SkipLog.csv and ConsoleLog.txt. UAC (uac.go): "[root]" beside uac.log.
//
// All of these are hostile input: they are read within limits, line by line,
// and where a log contradicts what is stored, what is stored counts and the
// difference is a gap.
package collection
