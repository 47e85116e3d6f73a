package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"postern/detect/yara"
	"postern/pack"
	"postern/report"
)

func packShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [ID|DIR]",
		Short: "Say what a pack knows: advisories, rules, places, cases",
		Long: `Say what packs know: the advisories, the rules and what each would mean, the
places that are looked at, the logs that are read, the cases that prove it.
Without a name the shipped packs are shown; ID is one of them, DIR a folder.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			packs, err := namedPacks(args)
			if err != nil {
				return &exit{exitFailed, err}
			}
			shown := make([]shownPack, 0, len(packs))
			for _, p := range packs {
				shown = append(shown, show(p))
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					Schema string      `json:"schema"`
					Packs  []shownPack `json:"packs"`
				}{"postern.packs/1", shown})
			}
			for i := range shown {
				shown[i].write(cmd.OutOrStdout())
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// namedPacks finds the packs that an argument names; none names the shipped ones.
func namedPacks(args []string) ([]*pack.Pack, error) {
	shipped, err := loadPacks(nil)
	if err != nil || len(args) == 0 {
		return shipped, err
	}
	if at := slices.IndexFunc(shipped, func(p *pack.Pack) bool { return p.ID == args[0] }); at >= 0 {
		return shipped[at : at+1], nil
	}
	if _, err := os.Stat(args[0]); err != nil {
		return nil, fmt.Errorf("%q is neither a shipped pack nor a folder: %w", args[0], err)
	}
	return loadFolder(os.DirFS(args[0]), args[0])
}

// shownPack is a pack for readers.
type shownPack struct {
	ID         string       `json:"id"`
	Revision   string       `json:"revision"`
	SHA256     string       `json:"sha256"`
	Title      string       `json:"title"`
	Product    string       `json:"product"`
	Latest     string       `json:"latest_build"`
	From       string       `json:"required_from"` // the required window begins here
	Advisories []shownFlaw  `json:"advisories"`
	Rules      []shownRule  `json:"rules"`
	Places     []shownPlace `json:"places"`
	Logs       []shownLog   `json:"logs"`
	Cases      []shownCase  `json:"cases"`
	Playbook   bool         `json:"playbook"`
}

type shownFlaw struct {
	ID    string  `json:"id"`
	Score float64 `json:"score,omitempty"`
	Fixed string  `json:"fixed,omitempty"`
	KEV   string  `json:"kev,omitempty"`
	Title string  `json:"title"`
	From  string  `json:"window_from"`
}

type shownRule struct {
	Kind       string   `json:"kind"`
	ID         string   `json:"id"`
	Title      string   `json:"title,omitempty"`
	Class      string   `json:"class,omitempty"`
	Outcomes   []string `json:"outcomes,omitempty"` // the classes it may have instead
	Severity   string   `json:"severity,omitempty"`
	Confidence string   `json:"confidence,omitempty"`
	Label      string   `json:"label,omitempty"`
	CVEs       []string `json:"vulnerabilities,omitempty"`
	Attack     []string `json:"attack,omitempty"`
}

type shownPlace struct {
	ID      string   `json:"id"`
	OS      string   `json:"os,omitempty"`
	Roots   []string `json:"roots,omitempty"`
	Folders bool     `json:"folders"`
	Hash    bool     `json:"hash"`
	Content int64    `json:"content"`
}

type shownLog struct {
	ID     string `json:"id"`
	Family string `json:"family"`
	Needed bool   `json:"needed"`
}

type shownCase struct {
	File  string `json:"file"`
	Title string `json:"title"`
}

func show(p *pack.Pack) shownPack {
	out := shownPack{
		ID: p.ID, Revision: p.Revision, SHA256: p.SHA256, Title: p.Title, Product: p.Product.Name, Latest: p.Latest.Version.Text,
		From: day(p.RequiredFrom), Rules: rules(p), Playbook: p.Playbook != nil,
		Advisories: []shownFlaw{}, Places: []shownPlace{}, Logs: []shownLog{}, Cases: []shownCase{},
	}
	for i := range p.Vulnerabilities {
		v := &p.Vulnerabilities[i]
		out.Advisories = append(out.Advisories, shownFlaw{v.ID, v.Score, v.Fixed.Text, day(v.KEVAdded), v.Title, day(v.SafeStart)})
	}
	for _, l := range p.Places {
		out.Places = append(out.Places, shownPlace{l.ID, string(l.OS), l.Roots, l.Folders, l.Hash, l.Content})
	}
	for _, l := range p.Logs {
		out.Logs = append(out.Logs, shownLog{l.ID, l.Family, l.Need})
	}
	for _, c := range p.Tests {
		out.Cases = append(out.Cases, shownCase{c.File, c.Title})
	}
	return out
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// rules lists everything that can give a finding or a label.
func rules(p *pack.Pack) []shownRule {
	all := []shownRule{}
	add := func(i *pack.Indicator, name string, outcomes []string) {
		all = append(all, shownRule{string(i.Kind), name, i.Title, i.Class, outcomes, i.Severity, string(i.Confidence), i.Label, i.Vulns, i.Attack})
	}
	for i := range p.Sigma {
		s := &p.Sigma[i]
		var classes []string
		for _, o := range s.Outcomes {
			classes = append(classes, o.Class)
		}
		name := s.Name
		if name == "" {
			name = s.ID
		}
		add(&s.Indicator, name, classes)
	}
	for _, r := range compiledYARA(p).All() {
		if !r.Private {
			all = append(all, metaOf(r))
		}
	}
	for i := range p.Checks {
		add(&p.Checks[i].Indicator, p.Checks[i].ID, nil)
	}
	for i := range p.Indicators {
		add(&p.Indicators[i], p.Indicators[i].ID, nil)
	}
	return all
}

// compiledYARA compiles a pack's YARA rules on their own.
func compiledYARA(p *pack.Pack) *yara.Rules {
	sources := make([]yara.Source, 0, len(p.YARA))
	for _, f := range p.YARA {
		sources = append(sources, yara.Source{Name: f.File, Text: f.Text})
	}
	rules, _ := yara.Compile(sources, yara.Options{}) // the faults are detect.Compile's to say
	return rules
}

// metaOf is a YARA rule as its meta grades it.
func metaOf(r *yara.Rule) shownRule {
	meta := map[string]string{}
	for _, m := range r.Meta {
		meta[m.Name] = fmt.Sprint(m.Value)
	}
	list := func(s string) []string {
		return strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ' ' })
	}
	return shownRule{
		Kind: string(pack.OnYARA), ID: r.Name, Title: meta["description"], Class: meta["class"], Severity: meta["severity"],
		Confidence: meta["confidence"], CVEs: list(meta["vulnerabilities"]), Attack: list(meta["attack"]),
	}
}

// sheet writes lines of at most 80 columns.
type sheet struct{ out io.Writer }

// line writes a text; what does not fit goes on below, indented.
func (s sheet) line(indent int, format string, args ...any) {
	at, room := strings.Repeat(" ", indent), 0
	for i, word := range strings.Fields(report.Clean(fmt.Sprintf(format, args...))) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			fmt.Fprint(s.out, at, word)
			room = 80 - indent
		case n+1 > room:
			fmt.Fprint(s.out, "\n", at, "  ", word)
			room = 78 - indent
		default:
			fmt.Fprint(s.out, " ", word)
			room--
		}
		room -= n
	}
	fmt.Fprintln(s.out)
}

func (s sheet) head(what string, n int) {
	fmt.Fprintf(s.out, "\n%s: %d\n", what, n)
}

// write prints a pack for a terminal.
func (p *shownPack) write(out io.Writer) {
	s := sheet{out}
	s.line(0, "%s %s: %s", p.ID, p.Revision, p.Title)
	s.line(2, "for %s; newest build known %s; looks back to %s", p.Product, p.Latest, p.From)
	s.line(2, "sha256 %s", p.SHA256)
	s.head("Advisories", len(p.Advisories))
	for _, a := range p.Advisories {
		s.line(2, "%s, %s, fixed in %s%s: %s", a.ID, a.scored(), cmp.Or(a.Fixed, "no known version"), said(", in KEV since ", a.KEV), a.Title)
	}
	s.head("Rules", len(p.Rules))
	for i := range p.Rules {
		r := &p.Rules[i]
		s.line(2, "%s %s%s", r.Kind, r.ID, said(": ", r.Title))
		s.line(6, "%s", r.judged())
	}
	s.head("Places", len(p.Places))
	for _, l := range p.Places {
		s.line(2, "%s%s: %s", l.ID, said(", on ", l.OS), l.wants())
	}
	s.head("Logs", len(p.Logs))
	for _, l := range p.Logs {
		s.line(2, "%s (%s)%s", l.ID, l.Family, map[bool]string{true: ", needed over the whole window"}[l.Needed])
	}
	s.head("Cases", len(p.Cases))
	for _, c := range p.Cases {
		s.line(2, "%s: %s", c.File, c.Title)
	}
	fmt.Fprintf(out, "\nPlaybook: %s\n", map[bool]string{false: "none", true: "CACAO 2.0"}[p.Playbook])
}

func (a *shownFlaw) scored() string {
	if a.Score == 0 {
		return "no score stated"
	}
	return fmt.Sprintf("score %.1f", a.Score)
}

// said puts words before a value that is there.
func said(words, value string) string {
	if value == "" {
		return ""
	}
	return words + value
}

// judged is what a match of the rule would be.
func (r *shownRule) judged() string {
	if r.Class == "" {
		return "gives the label " + strconv.Quote(r.Label)
	}
	out := r.Class
	if len(r.Outcomes) > 0 {
		out += " or " + strings.Join(r.Outcomes, " or ")
	}
	out += ", " + r.Severity + ", " + r.Confidence
	for _, more := range [][]string{r.CVEs, r.Attack} {
		if len(more) > 0 {
			out += ", " + strings.Join(more, " ")
		}
	}
	return out
}

func (l *shownPlace) wants() string {
	var all []string
	if l.Folders {
		all = append(all, "folders")
	}
	if l.Hash {
		all = append(all, "SHA-256")
	}
	if l.Content > 0 {
		all = append(all, fmt.Sprintf("the first %d bytes", l.Content))
	}
	if len(all) == 0 {
		return "paths"
	}
	return strings.Join(all, ", ")
}
