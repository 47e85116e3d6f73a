package ran

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"postern/evidence"
)

const (
	maxTable   = 4 << 30 // bytes of a file table
	maxJournal = 1 << 30 // bytes of a journal, from its end
	maxRecords = 1 << 14 // observations of a table or a journal
	ntfsBlock  = 1 << 20 // bytes read at once
)

var (
	// told are files whose coming and going is told: programs, scripts, and pages of a
	// web server.
	told = regexp.MustCompile(`(?i)\.(exe|dll|com|scr|sys|msi|ps1|bat|cmd|vbs|hta|aspx?|as[hma]x|cshtml|jspx?|php\d?)$`)
	// watched are folders where intruders write: of web servers, of users, of everybody.
	watched = regexp.MustCompile(`(?i)^[a-z]:\\(inetpub|programdata|users|perflogs|te?mp|\$recycle\.bin|windows\\(temp|tasks|debug|tracing))\\|\\(wwwroot|webroot|smartermail|smartertools|app_data)\\`)
)

// fileTables observes what the file table of each volume has of deleted programs and
// pages, and those whose times contradict each other; and what the change journal says
// of those that came and went. Both are seen as files in collections, and in images
// that are mounted with the files of the system.
func (r *reader) fileTables() {
	for _, v := range r.Src.Volumes {
		if v.Past || !strings.HasSuffix(v.Mount, ":") {
			continue
		}
		table := &fileTable{volume: v.Mount}
		found := r.stream([]string{v.Mount + `\$MFT`}, func(e evidence.Entry, f evidence.File) {
			r.readTable(table, e, f)
		})
		if !found {
			r.unseen(v, `$MFT`, "of deleted files and of times that were set")
		}
		found = r.stream([]string{v.Mount + `\$Extend\$UsnJrnl:$J`, v.Mount + `\$Extend\$J`, v.Mount + `\$Extend\$UsnJrnl_$J`, v.Mount + `\$J`}, func(e evidence.Entry, f evidence.File) {
			r.readJournal(table, e, f)
		})
		if !found {
			r.unseen(v, `$Extend/$UsnJrnl`, "of files that came and went")
		}
	}
}

// unseen covers a file of the file system that is not to be seen here.
func (r *reader) unseen(v evidence.Volume, name, tells string) {
	if r.Src.Partial {
		r.Gap(evidence.CoverFile, string(v.Root.Join(name)), evidence.NotCollected, "it tells "+tells)
		return
	}
	r.Gap(evidence.CoverFile, string(v.Root.Join(name)), evidence.Unsupported, "it tells "+tells+"; it is read from a collection that has it, or an image that is mounted with the files of the system")
}

// stream opens the first of some paths that is there.
func (r *reader) stream(paths []string, fn func(e evidence.Entry, f evidence.File)) (found bool) {
	if r.Src.Kind == evidence.KindHost {
		return false // the running system shows them to nobody by their names
	}
	for _, path := range paths {
		name, ok := r.Src.Locate(path)
		if !ok {
			continue
		}
		var entry *evidence.Entry
		err := r.Src.Files.Walk(r.Ctx, name, func(e evidence.Entry) error { entry = &e; return fs.SkipAll })
		if err == nil && entry != nil && entry.Err == nil && !entry.Mode.IsRegular() {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry == nil {
			r.Shut(name.Dir())
			continue
		}
		if err == nil {
			err = entry.Err
		}
		r.Files++
		if err == nil {
			var f evidence.File
			if f, err = r.Src.Files.Open(entry.Name); err == nil {
				fn(*entry, f)
				_ = f.Close()
				return true
			}
		}
		if r.Ctx.Err() == nil {
			r.Lost(evidence.CoverFile, string(name), err)
		}
		return true
	}
	return false
}

// blocks calls fn for a file's bytes from one offset to another, a block at a time.
func (r *reader) blocks(f evidence.File, from, to int64, fn func(at int64, data []byte)) error {
	buf := make([]byte, ntfsBlock)
	for at := from; at < to; at += ntfsBlock {
		if err := r.Ctx.Err(); err != nil {
			return err
		}
		data := buf[:min(ntfsBlock, to-at)]
		n, err := f.ReadAt(data, at)
		fn(at, data[:n])
		if n < len(data) {
			if err == nil || errors.Is(err, io.EOF) {
				err = evidence.ErrTruncated
			}
			return fmt.Errorf("ran: at %d of %d: %w", at+int64(n), to, err)
		}
	}
	return nil
}
