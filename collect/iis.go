package collect

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"postern/evidence"
)

// iisConfig is where IIS keeps the folders its sites log to.
const iisConfig = `C:\Windows\System32\inetsrv\config\applicationHost.config`

// coverIIS reads the log folders of IIS. Their logs are found by name wherever
// they lie on the source; a folder on a volume that is not here, or outside a
// selection, is a gap, for there the web server says it logged.
func (s *survey) coverIIS(ctx context.Context, out evidence.Sink) {
	name, ok := s.src.Locate(iisConfig)
	if !ok || s.src.ID.OS != evidence.Windows || len(s.want.Logs) == 0 {
		return
	}
	data, err := readFile(s.src.Files, name, maxNote)
	if missing(err) {
		return // no IIS; on a selection the default folders say what was not collected
	}
	var folders []string
	if err == nil {
		folders, err = logFolders(bytes.NewReader(data))
	}
	if err != nil {
		out.Cover(evidence.ErrGap(evidence.CoverFile, string(name), evidence.CompromisedThen, err))
	}
	for _, folder := range folders {
		path := expand(folder)
		at, here := s.src.Locate(path)
		if !here || s.src.Partial && !s.exists(ctx, at) {
			out.Cover(evidence.Gap(evidence.CoverLog, path, evidence.CompromisedThen, evidence.NotCollected, "IIS logs there, and the folder is not on this source"))
		}
	}
}

// exists reports whether a folder is on the source.
func (s *survey) exists(ctx context.Context, n evidence.Name) bool {
	return s.src.Files.Walk(ctx, n, func(evidence.Entry) error { return fs.SkipAll }) == nil
}

// logFolders returns the directories of the logFile elements, and of
// centralW3CLogFile where the server writes one log for all sites, each once
// (IIS configuration reference, system.applicationHost/sites/logFile and /log).
// Central binary logs are not read, and are an error.
func logFolders(r io.Reader) ([]string, error) {
	var folders []string
	var unread error
	central := ""
	seen := map[string]bool{}
	d := xml.NewDecoder(r)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return folders, unread
		}
		if err != nil {
			return folders, fmt.Errorf("collect: IIS configuration: %w", err)
		}
		el, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch name := el.Name.Local; {
		case name == "log":
			if central = attribute(el, "centralLogFileMode"); strings.EqualFold(central, "CentralBinary") {
				unread = fmt.Errorf("collect: IIS configuration: %w: central binary logs", evidence.ErrUnsupported)
			}
			continue
		case name == "logFile", name == "centralW3CLogFile" && strings.EqualFold(central, "CentralW3C"):
		default:
			continue
		}
		if folder := attribute(el, "directory"); folder != "" && !seen[strings.ToLower(folder)] {
			seen[strings.ToLower(folder)] = true
			folders = append(folders, folder)
		}
	}
}

func attribute(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
