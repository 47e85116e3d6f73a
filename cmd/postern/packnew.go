package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"postern/docs"
)

func packNewCommand() *cobra.Command {
	var id, clock string
	cmd := &cobra.Command{
		Use:   "new DIR --id ID",
		Short: "Begin a pack: the whole one of the guide, under your id",
		Long: `Write the pack that the pack guide explains into a folder that is not there yet
or is empty: every kind of file, each with a small example that works. It lints
and tests clean as it is; replace what it says, file by file.`,
		Example: "  postern pack new mypack --id mymail",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			now, err := clockOr(clock)
			if err != nil {
				return err
			}
			if !newID.MatchString(id) {
				return fmt.Errorf("--id %q: want a lower-case word of letters, digits and hyphens, as mymail", id)
			}
			return writeNew(cmd.OutOrStdout(), args[0], newPack(id, now))
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "`ID` of the pack and its product, a lower-case word")
	addClock(cmd, &clock)
	return cmd
}

var newID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,63}$`)

// What the guide's pack says and a new one must not.
const (
	sampleID   = "examplemail"
	sampleName = "ExampleMail"
	sampleDay  = "2026-11-23"
)

var uuid = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// newPack is the guide's pack under another id, of today, with ids of its own.
func newPack(id string, now time.Time) map[string]string {
	rename := strings.NewReplacer(sampleID, id, sampleName, strings.ToUpper(id[:1])+id[1:], sampleDay, now.Format(time.DateOnly))
	fresh := map[string]string{}
	files := map[string]string{}
	for name, text := range docs.Sample() {
		files[name] = uuid.ReplaceAllStringFunc(rename.Replace(text), func(old string) string {
			if fresh[old] == "" {
				fresh[old] = newUUID()
			}
			return fresh[old]
		})
	}
	return files
}

// newUUID is one of version 4 (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// writeNew writes the files below dir and says what to do next.
func writeNew(out io.Writer, dir string, files map[string]string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%q is not empty; name a new folder", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("pack new: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return failed("pack new: %w", err)
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
			return failed("pack new: %w", err)
		}
		fmt.Fprintln(out, path)
	}
	fmt.Fprintf(out, `
Next: say in these files what you know, and after each
  postern pack lint %[1]s
  postern pack test %[1]s
postern help pack-guide explains every field.
`, dir)
	return nil
}
