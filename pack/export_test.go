package pack

// ParseArchive is for tests of the format alone.
var ParseArchive = parseArchive
