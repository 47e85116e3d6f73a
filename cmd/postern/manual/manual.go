// Package manual writes the man pages of a command tree, in the macros of
// man(7): only what cobra's commands hold, with no date, so that the same
// binary writes the same pages.
package manual

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Page is one man page.
type Page struct{ Name, Text string }

// Pages are those of a command and of all below it that are not hidden. exits
// is the table of exit codes, which every command that runs has.
func Pages(cmd *cobra.Command, version, exits string) []Page {
	all := []Page{{name(cmd), page(cmd, version, exits)}}
	for _, sub := range shown(cmd) {
		all = append(all, Pages(sub, version, exits)...)
	}
	return all
}

func shown(cmd *cobra.Command) (all []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			all = append(all, sub)
		}
	}
	return all
}

func name(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func page(cmd *cobra.Command, version, exits string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"Postern %s\" \"Postern\"\n", roff(strings.ToUpper(name(cmd))), roff(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name(cmd)), roff(cmd.Short))
	if cmd.Runnable() {
		fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(cmd.UseLine()))
	}
	said := cmd.Long
	if said == "" {
		said = cmd.Short
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s", verbatim(said))
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n%s", verbatim(cmd.Example))
	}
	options(&b, cmd.NonInheritedFlags())
	var also []string
	if cmd.HasParent() {
		also = append(also, name(cmd.Parent()))
	}
	for _, sub := range shown(cmd) {
		also = append(also, name(sub))
	}
	if cmd.Runnable() {
		fmt.Fprintf(&b, ".SH EXIT STATUS\n%s", verbatim(exits))
	}
	for i, name := range also {
		if i == 0 {
			b.WriteString(".SH SEE ALSO\n")
		}
		fmt.Fprintf(&b, ".BR %s (1)\n", roff(name))
	}
	return b.String()
}

func options(b *strings.Builder, flags *pflag.FlagSet) {
	head := false
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if !head {
			b.WriteString(".SH OPTIONS\n")
			head = true
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(b, ".TP\n.B %s", roff(name))
		if value != "" {
			fmt.Fprintf(b, " %s", roff(value))
		}
		fmt.Fprintf(b, "\n%s\n", roff(usage))
	})
}

// verbatim keeps text as it is laid out.
func verbatim(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = roff(lines[i])
	}
	return ".nf\n" + strings.Join(lines, "\n") + "\n.fi\n"
}

var control = regexp.MustCompile(`^[.']`)

// roff escapes what troff would act on: backslashes, the hyphens of options,
// and a dot or quote at the start of a line.
func roff(text string) string {
	text = strings.ReplaceAll(text, `\`, `\e`)
	text = strings.ReplaceAll(text, "-", `\-`)
	return control.ReplaceAllStringFunc(text, func(c string) string { return `\&` + c })
}
