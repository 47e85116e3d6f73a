package collect

import (
	"fmt"
	"slices"
	"testing"

	"postern/evidence"
	"postern/evidence/evidencetest"
)

const iisSites = `<?xml version="1.0" encoding="UTF-8"?>
<configuration><system.applicationHost><sites>
  <site name="Default Web Site" id="1"><application path="/"><virtualDirectory path="/" physicalPath="%SystemDrive%\inetpub\wwwroot" /></application>
    <application path="/shop"><virtualDirectory path="/" physicalPath="D:\Sites\Shop" /><virtualDirectory path="/up" physicalPath="\\files\up" /></application></site>
  <site name="Mail" id="2" serverAutoStart="false"><application path="/"><virtualDirectory path="/" physicalPath="C:\Program Files (x86)\SmarterTools\SmarterMail\MRS\" /></application></site>
</sites></system.applicationHost></configuration>`

const nginxMain = `user www-data; # root /no;
http { include mime.types; include sites-enabled/*; include /etc/nginx/nginx.conf;
  server { server_name a; root "/srv/with space"; location /files/ { alias /srv/files/; } location / { root /data/$host/www; } }
  server { root html; } }`

const apacheMain = `ServerRoot "/etc/apache2"
Define base /var/sites
# DocumentRoot /no
<VirtualHost *:80>
  DocumentRoot ${base}/one
  Alias /icons/ \
    "/usr/share/apache2/icons/"
</VirtualHost>
IncludeOptional sites-enabled/*.conf
Include missing.conf
ScriptAlias /cgi-bin/ ${unknown}/cgi
`

func roots(s *survey) (all []string) {
	for _, site := range s.sites {
		all = append(all, site.Root)
	}
	slices.Sort(all)
	return all
}

func TestConfiguredWebRoots(t *testing.T) {
	f := func(src *evidence.Source, wantRoots []string, wantGaps map[string]evidence.Reason) {
		t.Helper()
		s := newSurvey(src, every())
		var out evidencetest.Sink
		s.findSites(t.Context(), &out)
		if got := roots(s); !slices.Equal(got, wantRoots) {
			t.Errorf("roots %q, want %q", got, wantRoots)
		}
		got := map[string]evidence.Reason{}
		for _, c := range out.Gaps() {
			got[c.Path] = c.Missed.Reason
		}
		if fmt.Sprint(got) != fmt.Sprint(wantGaps) {
			t.Errorf("gaps %v, want %v", got, wantGaps)
		}
	}
	f(windows(tree{"Windows/System32/inetsrv/config/applicationHost.config": text(iisSites)}),
		[]string{"c:/inetpub/wwwroot", "c:/program files (x86)/smartertools/smartermail/mrs"},
		map[string]evidence.Reason{"D:/Sites/Shop": evidence.NotCollected, "//files/up": evidence.NotCollected})
	f(windows(tree{"Windows/System32/inetsrv/config/applicationHost.config": text(iisSites[:560])}), []string{"c:/inetpub/wwwroot"},
		map[string]evidence.Reason{"D:/Sites/Shop": evidence.NotCollected, "//files/up": evidence.NotCollected, "C:/Windows/System32/inetsrv/config/applicationHost.config": evidence.Unreadable})
	f(windows(tree{"Windows/System32/inetsrv/config/redirection.config": text(`<configuration><configurationRedirection enabled="true" path="\\farm\iis" /></configuration>`)}), nil,
		map[string]evidence.Reason{`\\farm\iis`: evidence.NotCollected})
	f(linux(tree{"etc/nginx/nginx.conf": text(nginxMain), "etc/nginx/sites-enabled/b": text("server { root /srv/b; }")}),
		[]string{"/data", "/srv/b", "/srv/files", "/srv/with space"},
		map[string]evidence.Reason{"etc/nginx/mime.types": evidence.Absent, "$prefix/html": evidence.Ambiguous})
	f(linux(tree{"etc/apache2/apache2.conf": text(apacheMain), "etc/apache2/sites-enabled/two.conf": text("DocumentRoot /var/sites/two"), "etc/apache2/sites-enabled/no": text("DocumentRoot /no")}),
		[]string{"/usr/share/apache2/icons", "/var/sites/one", "/var/sites/two"},
		map[string]evidence.Reason{"etc/apache2/missing.conf": evidence.Absent, "${unknown}/cgi": evidence.Ambiguous})
	f(linux(tree{"etc/nginx/nginx.conf": {Data: []byte("x"), OpenErr: evidence.ErrEncrypted}}), nil, map[string]evidence.Reason{"etc/nginx/nginx.conf": evidence.Encrypted})
}

// TestShellInAConfiguredSite: a page in a web root that only the configuration
// names is read like one in wwwroot.
func TestShellInAConfiguredSite(t *testing.T) {
	src := linux(tree{"etc/nginx/nginx.conf": text("http { server { root /data/shop; } }"), "data/shop/up/x.aspx": text("<% %>"), "data/x.aspx": text("x")})
	out, err := scanned(t.Context(), src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all := out.Of(evidence.ObserveFile); len(all) != 1 || all[0].Ref.Path != "data/shop/up/x.aspx" || all[0].File.Site.From != "/etc/nginx/nginx.conf" {
		t.Errorf("observed %+v", all)
	}
}

func FuzzWebConfigurations(f *testing.F) {
	for _, s := range []string{iisSites, nginxMain, apacheMain, "root \"\\", "a ${b", "Define a ${a}${a}\nDocumentRoot ${a}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := tree{"etc/nginx/nginx.conf": {Data: data}, "etc/apache2/apache2.conf": {Data: data}, "etc/apache2/sites-enabled/a.conf": {Data: data}}
		for _, src := range []*evidence.Source{linux(files), windows(tree{"Windows/System32/inetsrv/config/applicationHost.config": {Data: data}, "Windows/System32/inetsrv/config/redirection.config": {Data: data}})} {
			var out evidencetest.Sink
			s := newSurvey(src, every())
			s.findSites(t.Context(), &out)
			for _, site := range s.sites {
				if site.From == "" {
					t.Errorf("%q from nowhere", site.Root)
				}
			}
		}
	})
}
