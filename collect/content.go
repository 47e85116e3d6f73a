package collect

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"postern/evidence"
)

// Limits on single files, in bytes.
const (
	maxProgram = 128 << 20
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

// hashFile returns the lower-case hex SHA-256 of a whole file, and all hashes
// that are asked for as a Hashes field has them. The file is read once.
func hashFile(f io.ReaderAt, size int64, ask *evidence.Place) (sum, all string, err error) {
	hashes := []struct {
		name string
		hash.Hash
	}{{"SHA256", sha256.New()}}
	if ask.SHA1 {
		hashes = slices.Insert(hashes, 0, hashes[0])
		hashes[0].name, hashes[0].Hash = "SHA1", sha1.New()
	}
	if ask.MD5 {
		hashes = slices.Insert(hashes, 0, hashes[0])
		hashes[0].name, hashes[0].Hash = "MD5", md5.New()
	}
	var to []io.Writer
	for _, h := range hashes {
		to = append(to, h)
	}
	buf := pieces.Get().(*[]byte)
	defer pieces.Put(buf)
	n, err := io.CopyBuffer(io.MultiWriter(to...), io.NewSectionReader(f, 0, size), *buf)
	if err := short(n, size, err); err != nil {
		return "", "", err
	}
	for _, h := range hashes {
		sum = hex.EncodeToString(h.Sum(nil))
		all += "," + h.name + "=" + sum
	}
	return sum, all[1:], nil
}

func hashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
