package collect

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"postern/evidence"
)

// Limits on what configurations of web servers may name.
const (
	maxSites    = 4096
	maxIncludes = 1024 // files read for one server
	maxNesting  = 16   // includes in one another
)

// Where servers keep their configuration: what their own packages and those of the
// distributions install.
var (
	nginxConfigs = []string{
		"/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/usr/local/etc/nginx/nginx.conf", "/opt/nginx/conf/nginx.conf", `C:\nginx\conf\nginx.conf`,
	}
	apacheConfigs = []string{
		"/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "/usr/local/apache2/conf/httpd.conf",
		`C:\Apache24\conf\httpd.conf`, `C:\xampp\apache\conf\httpd.conf`, `C:\Program Files\Apache Group\Apache2\conf\httpd.conf`,
	}
	iisRedirection = `C:\Windows\System32\inetsrv\config\redirection.config`
)

// webRoots finds the web roots that the configuration of IIS, nginx and Apache
// names. One that is on no volume of the source, or named by a variable, is a gap.
type webRoots struct {
	*survey
	ctx  context.Context //nolint:containedctx // it lives for one walk
	out  evidence.Sink
	read map[evidence.Name]bool
	said map[string]bool
}

// findSites adds the web roots that are configured to those that are known.
func (s *survey) findSites(ctx context.Context, out evidence.Sink) {
	if s.src.Kind == evidence.KindLogs || !slices.ContainsFunc(s.want.Places, func(p evidence.Place) bool { return p.Sites != nil }) {
		return
	}
	w := &webRoots{s, ctx, out, map[evidence.Name]bool{}, map[string]bool{}}
	if s.applies(evidence.Windows) {
		w.iis()
	}
	for _, config := range nginxConfigs {
		w.server(config, w.nginx)
	}
	for _, config := range apacheConfigs {
		w.server(config, func(at string, text []byte) {
			(&apache{webRoots: w, root: path.Dir(path.Dir(at))}).read(at, text, 0)
		})
	}
}

// server reads a server's configuration, if it is there.
func (w *webRoots) server(config string, read func(at string, text []byte)) {
	if !w.fits(config) {
		return
	}
	at := strings.ReplaceAll(config, `\`, "/")
	if text := w.file(at, false); text != nil {
		read(at, text)
	}
}

// file reads a file of a configuration, each once; nil when it is not there, or
// cannot be read, which is a gap. It is a gap, too, that a file is not there which
// must be.
func (w *webRoots) file(at string, must bool) []byte {
	name, ok := w.src.Locate(at)
	if !ok || w.read[name] || len(w.read) >= maxIncludes {
		return nil
	}
	w.read[name] = true
	text, err := readFile(w.src.Files, name, maxNote)
	switch {
	case missing(err) && !must:
		return nil
	case err != nil:
		w.out.Cover(evidence.ErrGap(evidence.CoverFile, string(name), evidence.CompromisedNow, fmt.Errorf("web roots that it names are not known: %w", err)))
	}
	return text
}

// add adds a folder that a configuration names. Variables of the machine are
// expanded; others make it a gap.
func (w *webRoots) add(root, name, from string) {
	at := strings.TrimRight(strings.ReplaceAll(expand(root), `\`, "/"), "/")
	switch {
	case at == "" || w.said[at]:
		return
	case strings.ContainsAny(at, "$%"): // the folder before it holds whatever it stands for
		if before := at[:1+strings.LastIndexByte(at[:strings.IndexAny(at, "$%")], '/')]; strings.Trim(before, "/") != "" {
			w.add(before, name, from)
			return
		}
		w.lose(at, from, evidence.Ambiguous, "a web root that a variable names")
		return
	case strings.HasPrefix(at, "//"):
		w.lose(at, from, evidence.NotCollected, "a web root on another machine")
		return
	}
	w.said[at] = true
	n, here := w.src.Locate(at)
	if !here || w.src.Partial && !w.exists(w.ctx, n) {
		w.lose(at, from, evidence.NotCollected, "a web root that is not on this source")
		return
	}
	if len(w.sites) >= maxSites {
		w.lose(at, from, evidence.TooLarge, fmt.Sprintf("more than %d web roots", maxSites))
		return
	}
	w.sites = append(w.sites, evidence.Site{Root: strings.ToLower(strings.TrimSuffix(w.asked(n), "/")), Name: name, From: from})
}

// lose covers a web root that is not scanned, once.
func (w *webRoots) lose(at, from string, reason evidence.Reason, what string) {
	w.said[at] = true
	w.out.Cover(evidence.Gap(evidence.CoverFile, at, evidence.CompromisedNow, reason, what+"; "+from+" names it"))
}

// iis reads the physical paths of all sites, started or not (IIS configuration
// reference, system.applicationHost/sites/site/application/virtualDirectory).
func (w *webRoots) iis() {
	if text := w.file(strings.ReplaceAll(iisRedirection, `\`, "/"), false); text != nil {
		if at := redirected(text); at != "" {
			w.out.Cover(evidence.Gap(evidence.CoverFile, at, evidence.CompromisedNow, evidence.NotCollected, "IIS keeps its configuration there, and its web roots are not known; "+iisRedirection+" says so"))
		}
	}
	at := strings.ReplaceAll(iisConfig, `\`, "/")
	text := w.file(at, false)
	if text == nil {
		return
	}
	sites, err := virtualDirectories(text)
	for _, s := range sites {
		w.add(s.Root, s.Name, at)
	}
	if err != nil {
		w.out.Cover(evidence.ErrGap(evidence.CoverFile, at, evidence.CompromisedNow, fmt.Errorf("collect: IIS configuration: web roots may be missing: %w", err)))
	}
}

// virtualDirectories are the physical paths that a configuration of IIS names, as it
// writes them, and the sites they are of.
func virtualDirectories(text []byte) (all []evidence.Site, err error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	site := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		el, is := token.(xml.StartElement)
		switch {
		case is && el.Name.Local == "site":
			site = attribute(el, "name")
		case is && el.Name.Local == "virtualDirectory" && len(all) < maxSites:
			all = append(all, evidence.Site{Root: attribute(el, "physicalPath"), Name: site})
		}
	}
}

// redirected is where a redirection.config sends IIS for its configuration; "" when
// nowhere.
func redirected(text []byte) string {
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if el, is := token.(xml.StartElement); is && el.Name.Local == "configurationRedirection" && strings.EqualFold(attribute(el, "enabled"), "true") {
			return attribute(el, "path")
		}
	}
}

// included are the files that an include names, which may have wildcards in its last
// part, or in a folder's name before it.
func (w *webRoots) included(pattern string) (all []string) {
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}
	}
	folders := []string{path.Dir(pattern)}
	if strings.ContainsAny(folders[0], "*?[") {
		folders = w.matching(path.Dir(folders[0]), path.Base(folders[0]), true)
	}
	for _, folder := range folders {
		all = append(all, w.matching(folder, path.Base(pattern), false)...)
	}
	return all
}

// matching are the names in a folder that a pattern matches.
func (w *webRoots) matching(folder, pattern string, dirs bool) (all []string) {
	at, ok := w.src.Locate(folder)
	if !ok || strings.ContainsAny(folder, "*?[") {
		return nil
	}
	err := w.src.Files.Walk(w.ctx, at, func(e evidence.Entry) error {
		if e.Name == at {
			return nil
		}
		if held, err := path.Match(pattern, e.Name.Base()); err == nil && held && e.Mode.IsDir() == dirs && len(all) < maxIncludes {
			all = append(all, folder+"/"+e.Name.Base())
		}
		if e.Mode.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil && !missing(err) {
		w.out.Cover(evidence.ErrGap(evidence.CoverFile, string(at), evidence.CompromisedNow, err))
	}
	return all
}
