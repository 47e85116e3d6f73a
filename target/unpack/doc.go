// Package unpack undoes compression that hostile evidence may come in: single
// streams (gzip, zstandard, xz, bzip2), Deflate64 as Windows writes it into
// large zips, and 7-Zip archives.
//
// Decoders are libraries, except for Deflate64, which none has. Each stands
// behind a gate of ours that reads what the data declares before any of it is
// believed: dictionaries over 256 MiB and windows over 64 MiB, 7-Zip headers whose counts
// exceed what the header can hold, encryption. What a gate refuses is
// evidence.ErrLimit, ErrEncrypted or ErrUnsupported; what ends too early is
// evidence.ErrTruncated; a library's panic is an error. How much may come out
// is the caller's to count.
//
// Formats: xz 1.2.1 (tukaani.org/xz/xz-file-format.txt), 7zFormat.txt of the
// LZMA SDK, RFC 8878 for zstandard, RFC 1951 with the changes of APPNOTE 6.3.10
// for Deflate64.
package unpack
