package yara

// Where this engine differs from libyara 4.2.3, knowingly, and why. In each case
// the documentation of YARA is followed.
//
//   - Hex strings may have nots (~AA), sets may be asked "at", loops may run over
//     texts, and string, math.to_string, pe.import_rva and the like exist: these
//     came with YARA 4.3 and 4.4.
//   - "for none" and "for 0" mean none. libyara 4.2.3 takes them for true.
//   - A regular expression that is ascii and wide is looked for in both forms.
//     libyara gives up the wide one where the part of the expression behind its
//     atom matches as ascii.
//   - An expression without two literal bytes in a row is looked for everywhere.
//     libyara misses matches of some (/1?[^a]{2,}/).
//   - Two long jumps in a row in a hex string add up. libyara loses the string.
//   - Where libyara ends the scan of a file because an expression takes it too
//     many threads (error 46), this engine goes on: its time is linear.
//   - Functions of pe.import_details are numbered from 0 in each library, and
//     number_of_functions is that of the library; delayed imports are listed.
//   - dotnet's public_key_or_token and constants are not cut by a byte.
//   - math.percentage is not rounded to 32 bits.
//   - entrypoint is that of the content at hand; libyara's scanner takes that of the
//     file before where a file has none.
//   - All strings together keep four times Options.MaxMatches, and say so.
//
// As libyara and not as one would think: math.serial_correlation lets the last
// byte meet itself, entrypoint (not pe.entry_point) knows no alignment, and no
// expression matches an empty string of a condition.
//
// Left to the choice of atoms in libyara, and so not the same in all cases: which
// end of a match a lazy expression with fullword must have, and what else an
// expression that may match nothing matches.
//
// Not there: the modules cuckoo, magic and those of others; pe's verified
// signatures (signatures are listed, not checked); elf.telfhash and import_md5;
// the fields dotnet got in YARA 4.3 (classes, methods).
