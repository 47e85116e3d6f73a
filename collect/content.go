package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"postern/evidence"
)

// Limits on single files, in bytes.
const (
	maxProgram = 128 << 20
	maxHashed  = 256 << 20
	maxNote    = 8 << 20
)

// readFile reads a whole file of at most limit bytes. A file that gives fewer
// bytes than it has wraps evidence.ErrTruncated, a larger one
// evidence.ErrLimit.
func readFile(tree evidence.Tree, name evidence.Name, limit int64) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("collect: %w", err)
	}
	defer f.Close()
	if f.Size() > limit {
		return nil, fmt.Errorf("collect: %d bytes, the limit is %d: %w", f.Size(), limit, evidence.ErrLimit)
	}
	data := make([]byte, f.Size())
	n, err := f.ReadAt(data, 0)
	if err := short(int64(n), f.Size(), err); err != nil {
		return data[:n], err
	}
	return data, nil
}

// short judges how a read of want bytes ended.
func short(n, want int64, err error) error {
	switch {
	case n >= want:
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("collect: %d of %d bytes: %w", n, want, evidence.ErrTruncated)
	}
	return fmt.Errorf("collect: %d of %d bytes: %w", n, want, err)
}

// hashFile returns the lower-case hex SHA-256 of a whole file.
func hashFile(f evidence.File) (string, error) {
	if f.Size() > maxHashed {
		return "", fmt.Errorf("collect: %d bytes, the limit for hashing is %d: %w", f.Size(), maxHashed, evidence.ErrLimit)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, f.Size()))
	if err := short(n, f.Size(), err); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
