package probe

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/evidence"
)

// TestNoOtherProductIsTakenForIt holds thousands of real titles, headers and
// greetings of other products against the recipe: as a title, as a body and,
// for the few that a server can send, as a Server header.
func TestNoOtherProductIsTakenForIt(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpora/recog/*.xml")
	if len(files) == 0 {
		t.Skip("the recog corpus is not here")
	}
	products := recipes(t)
	examples := 0
	for _, file := range files {
		for _, example := range recogExamples(t, file) {
			examples++
			for _, page := range []string{
				example,
				"<html><head><title>" + example + "</title></head></html>",
				"<html><head><title>" + html.EscapeString(example) + "</title></head><body>" + example + "</body></html>",
			} {
				for name, product := range products {
					for _, request := range product.Web.Requests {
						if got, ours := readPage(reader{product.ID, request}, evidence.Ref{}, []byte(page)); ours {
							t.Errorf("%s, %s: %q read as %+v", name, filepath.Base(file), page, got)
						}
					}
				}
			}
		}
	}
	if examples < 1000 {
		t.Errorf("only %d examples were read", examples)
	}
}

// TestServerHeaderIsNoProof sends Server headers of other products through the
// whole probe.
func TestServerHeaderIsNoProof(t *testing.T) {
	const file = "../../shared/corpora/recog/http_servers.xml"
	if _, err := os.Stat(file); err != nil {
		t.Skip("the recog corpus is not here")
	}
	for i, example := range recogExamples(t, file) {
		if i%100 != 0 && !strings.Contains(strings.ToLower(example), "smarter") {
			continue
		}
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Server", example)
			fmt.Fprint(w, pageForeign)
		})
		got := probe(t, &network{endpoint: evidence.Endpoint{Scheme: "http", Port: 9998}, to: map[string]string{"192.0.2.7:9998": plain(t, h)}})
		if len(got.installs) != 0 || got.gaps() != "" {
			t.Errorf("Server %q: %s, gaps %q", example, got.versions(), got.gaps())
		}
	}
}

func recogExamples(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		start, is := token.(xml.StartElement)
		if !is || start.Name.Local != "example" {
			continue
		}
		var example struct {
			Encoding string `xml:"_encoding,attr"`
			Text     string `xml:",chardata"`
		}
		if err := d.DecodeElement(&example, &start); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if example.Encoding == "base64" {
			raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(example.Text), ""))
			if err != nil {
				t.Fatalf("%s: %q: %v", file, example.Text, err)
			}
			example.Text = string(raw)
		}
		all = append(all, example.Text)
	}
}
