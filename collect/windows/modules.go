package windows

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"postern/collect/family"
	"postern/evidence"
)

const applicationHost = `C:\Windows\System32\inetsrv\config\applicationHost.config`

// modules observes the native modules and ISAPI filters that IIS loads
// (https://learn.microsoft.com/en-us/iis/configuration/system.webserver/globalmodules/).
func (r *reader) modules() {
	r.Limit = 16 << 20 // of hosts of many sites
	r.Each(applicationHost, 0, func(f *family.File) {
		d := xml.NewDecoder(strings.NewReader(decoded(f.Data)))
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		section := ""
		for {
			token, err := d.Token()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					r.Lost(evidence.CoverFile, string(f.Name), err)
				}
				return
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			attr := func(name string) string {
				for _, a := range start.Attr {
					if strings.EqualFold(a.Name.Local, name) {
						return a.Value
					}
				}
				return ""
			}
			switch strings.ToLower(start.Name.Local) {
			case "globalmodules", "isapifilters", "modules", "handlers", "isapicgirestriction":
				section = strings.ToLower(start.Name.Local)
			case "add", "filter":
				line, _ := d.InputPos()
				r.module(f, line, section, attr)
			}
		}
	})
}

// module observes one entry of a section.
func (r *reader) module(f *family.File, line int, section string, attr func(string) string) {
	path := ""
	switch section {
	case "globalmodules":
		path = attr("image")
	case "isapifilters":
		path = attr("path")
	case "handlers": // of one's own; those of ISAPI say it before a bar or alone
		path, _, _ = strings.Cut(attr("scriptProcessor"), "|")
	case "modules": // managed: a class, and in which assembly
		if attr("type") != "" {
			r.managed(f, line, attr)
		}
	}
	if path == "" {
		return
	}
	r.start(autostart{ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: int64(line)}, at: newest(f.Entry),
		kind: evidence.StartIIS, name: attr("name"), command: path, object: applicationHost, details: section})
}

// managed observes a module that is a class of .NET.
func (r *reader) managed(f *family.File, line int, attr func(string) string) {
	o := evidence.Observation{Kind: evidence.ObserveAutostart, Time: newest(f.Entry), Ref: evidence.Ref{Path: string(f.Name), Unit: evidence.Line, At: int64(line), Text: attr("type")}}
	o.Values = []string{evidence.StartIIS, attr("name"), attr("type"), "", "", "", applicationHost, "a class of .NET", ""}
	r.Observe(&o)
}
