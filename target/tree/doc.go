// Package tree reads directories and archives as evidence.Tree, without ever
// leaving them.
//
// One Tree resolves names over a store: a directory (disk.go, an os.Root), an
// archive's index (archive.go), several of them side by side (join.go), or
// another tree's files under other names (view.go). It goes element by element, folds case where the examined machine did, and
// re-roots absolute links at the examined machine's root, so that a store only
// sees clean names without links and nothing outside the target is read. Pipes,
// devices and sockets are listed and never opened.
//
// Archives are indexed, never extracted: zip (APPNOTE 6.3.10: stored, deflated
// and Deflate64, zip64, prefixed, and by local headers where the directory is
// lost), tar (POSIX.1-2001, GNU and older; plain, in gzip, zstandard, xz or
// bzip2) and 7-Zip. What has no random access, a compressed tar and a 7-Zip
// archive, is spooled into a scratch file; zip members inflate as they are read,
// into memory up to Limits.Memory and beyond it into scratch.
//
// Names come from our index. Backslashes are slashes in zips. A name that
// would leave the tree is kept in sight, escaped, with ErrUnsafeName; when an
// archive's first name is absolute (tar -P), all lose the leading slash. Of
// entries stored under one name the first is read, and one more Entry of that
// name carries ErrDuplicate. Sparse members of a tar and other zip methods are
// ErrUnsupported. Times of a zip without a time in UTC
// are the packer's local time read as UTC.
package tree
