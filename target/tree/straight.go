package tree

import "postern/evidence"

// straight is a store that opens a regular file in one step where nothing on the way
// to it is a link and its name is written as it is stored; else it gives nil, and
// the name is resolved.
type straight interface {
	straight(name evidence.Name) evidence.File
}

func openStraight(s store, name evidence.Name) evidence.File {
	if d, ok := s.(straight); ok {
		return d.straight(name)
	}
	return nil
}
