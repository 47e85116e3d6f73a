package tree

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// scratch hands out files that vanish when it is closed.
type scratch struct {
	dir   string // where; "": a temporary folder of our own
	mu    sync.Mutex
	own   string // the folder we made
	files []*os.File
}

// create returns an empty file, readable by this user only.
func (s *scratch) create() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == "" {
		own, err := os.MkdirTemp(s.dir, "postern-")
		if err != nil {
			return nil, err
		}
		s.own = own
	}
	f, err := os.CreateTemp(s.own, "spool-")
	if err == nil {
		s.files = append(s.files, f)
	}
	return f, err
}

// drop closes and removes one file early.
func (s *scratch) drop(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (s *scratch) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == "" {
		return nil
	}
	for _, f := range s.files {
		if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			return err
		}
	}
	return os.RemoveAll(s.own)
}
