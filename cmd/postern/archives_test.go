package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postern/report"
)

func zipOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestScanOpensArchives to their depth; deeper ones are a gap.
func TestScanOpensArchives(t *testing.T) {
	page := []byte(`<%@ Page Language="Jscript"%><%eval(Request.Item["k"],"unsafe");%>`)
	nested := page
	for i := range 4 {
		nested = zipOf(t, map[string][]byte{fmt.Sprintf("%d.zip", i): nested, "x.aspx": page})
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"a.jpg": zipOf(t, map[string][]byte{"d/x.aspx": page}), "b.bin": tarOf(t, "x.aspx", page), "deep.zip": nested, "r.rar": []byte("Rar!\x1a\x07\x00 and so on")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, said bytes.Buffer
	if code := run(t.Context(), []string{"scan", dir, "--json", "--quiet"}, strings.NewReader(""), &out, &said); code != 1 {
		t.Fatalf("exit code %d\n%s", code, said.String())
	}
	var r report.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	var pages, gaps []string
	for _, f := range r.Targets[0].Findings {
		if f.Rule == "page_evaluates_request" {
			for _, ref := range f.Refs {
				pages = append(pages, ref.Path)
			}
		}
	}
	for _, c := range r.Targets[0].Coverage {
		if c.Missed != nil {
			gaps = append(gaps, c.Path)
		}
	}
	slices.Sort(pages)
	if want := []string{"a.jpg!/d/x.aspx", "b.bin!/x.aspx", "deep.zip!/3.zip!/2.zip!/x.aspx", "deep.zip!/3.zip!/x.aspx", "deep.zip!/x.aspx"}; !slices.Equal(pages, want) {
		t.Errorf("pages %q\nwant  %q", pages, want)
	}
	slices.Sort(gaps)
	if want := []string{"deep.zip!/3.zip!/2.zip!/1.zip", "r.rar"}; !slices.Equal(gaps, want) {
		t.Errorf("gaps %q, want %q", gaps, want)
	}
}
