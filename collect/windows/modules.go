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
				r.module(f, section, attr)
			}
		}
	})
}

// module observes one entry of a section.
func (r *reader) module(f *family.File, section string, attr func(string) string) {
	path := ""
	switch section {
	case "globalmodules":
		path = attr("image")
	case "isapifilters":
		path = attr("path")
	}
	if path == "" {
		return
	}
	r.start(newest(f.Entry), string(f.Name), evidence.StartIIS, attr("name"), path, "", applicationHost, section, "")
}
