package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// A report of many logs is large for its rows of coverage, one a log. Both forms
// of it are written row by row, so that neither stands in memory as a whole.

var errShape = errors.New("report: a list to write by parts is not where it has to be")

// WriteJSON writes the document, indented, with a newline at its end.
func (r *Report) WriteJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	err := r.writeJSON(out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("report: write: %w", err)
	}
	return nil
}

func (r *Report) writeJSON(out *bufio.Writer) error {
	shell := *r
	shell.Targets = []Target{}
	head, tail, err := around(shell, "", `"targets": `)
	if err != nil {
		return err
	}
	put(out, head)
	err = list(out, "  ", len(r.Targets), func(i int) error {
		t := r.Targets[i]
		t.Coverage = []Coverage{}
		head, tail, err := around(t, "    ", `"coverage": `)
		if err != nil {
			return err
		}
		put(out, head)
		rows := r.Targets[i].Coverage
		err = list(out, "      ", len(rows), func(i int) error {
			row, err := indented(rows[i], "        ")
			put(out, row)
			return err
		})
		put(out, tail)
		return err
	})
	put(out, tail)
	put(out, []byte{'\n'})
	return err
}

// put writes; out keeps an error for Flush.
func put(out *bufio.Writer, b []byte) { _, _ = out.Write(b) }

// list writes n elements as an indented array whose brackets stand at prefix.
func list(out *bufio.Writer, prefix string, n int, element func(i int) error) error {
	if n == 0 {
		put(out, []byte("[]"))
		return nil
	}
	for i := range n {
		between := ",\n"
		if i == 0 {
			between = "[\n"
		}
		put(out, []byte(between+prefix+"  "))
		if err := element(i); err != nil {
			return err
		}
	}
	put(out, []byte("\n"+prefix+"]"))
	return nil
}

// around is v as indented JSON, without the empty list that follows key at the
// first level. A string of JSON holds no line break, so nothing else looks so.
func around(v any, prefix, key string) (head, tail []byte, err error) {
	text, err := indented(v, prefix)
	if err != nil {
		return nil, nil, err
	}
	key = "\n" + prefix + "  " + key
	head, tail, ok := bytes.Cut(text, []byte(key+"[]"))
	if !ok {
		return nil, nil, errShape
	}
	return append(head[:len(head):len(head)], key...), tail, nil
}

func indented(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// bodyHash is the hash of the document without run, as the function of this name
// makes it of a report's text. Anyone can compute it:
// jq -cS 'del(.run)' report.json | sha256sum
func (r *Report) bodyHash() string {
	h := sha256.New()
	out := bufio.NewWriter(h)
	if err := r.writeBody(out); err != nil {
		return "" // only a value JSON has no form for, which stamp and Finish let nobody in with
	}
	put(out, []byte{'\n'})
	if err := out.Flush(); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (r *Report) writeBody(out *bufio.Writer) error {
	shell := *r
	shell.Targets = nil
	body, err := object(shell)
	if err != nil {
		return err
	}
	delete(body, "run")
	return canonical(out, body, "targets", len(r.Targets), func(i int) error {
		t := r.Targets[i]
		rows := t.Coverage
		t.Coverage = nil
		target, err := object(t)
		if err != nil {
			return err
		}
		return canonical(out, target, "coverage", len(rows), func(i int) error {
			row, err := object(rows[i])
			if err != nil {
				return err
			}
			return canonical(out, row, "", 0, nil)
		})
	})
}

// object is a struct as JSON has it.
func object(v any) (body map[string]any, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return body, dec.Decode(&body)
}

// canonical writes an object with its keys sorted and without spaces. The list
// under key has n elements that are written one by one.
func canonical(out *bufio.Writer, body map[string]any, key string, n int, element func(i int) error) error {
	put(out, []byte{'{'})
	for at, k := range slices.Sorted(maps.Keys(body)) {
		if at > 0 {
			put(out, []byte{','})
		}
		name, err := compact(k)
		if err != nil {
			return err
		}
		put(out, append(name, ':'))
		if k == key {
			if err := listed(out, n, element); err != nil {
				return err
			}
			continue
		}
		value, err := compact(body[k])
		if err != nil {
			return err
		}
		put(out, value)
	}
	put(out, []byte{'}'})
	return nil
}

func listed(out *bufio.Writer, n int, element func(i int) error) error {
	put(out, []byte{'['})
	for i := range n {
		if i > 0 {
			put(out, []byte{','})
		}
		if err := element(i); err != nil {
			return err
		}
	}
	put(out, []byte{']'})
	return nil
}

func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}
