package manual

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestPages(t *testing.T) {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "gate", Short: "A gate", Run: run}
	open := &cobra.Command{Use: "open NAME", Short: "Opens it", Long: "First.\n.bad line\n'quoted\nback\\slash", Example: "  gate open a-b", Run: run}
	open.Flags().StringP("key", "k", "", "the `KEY` to use")
	open.Flags().Bool("secret", false, "hidden")
	if err := open.Flags().MarkHidden("secret"); err != nil {
		t.Fatal(err)
	}
	root.AddCommand(open, &cobra.Command{Use: "old", Hidden: true, Run: run})
	pages := Pages(root, "1.0-rc", "  0 well\n")
	names := make([]string, 0, len(pages))
	for _, p := range pages {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"gate", "gate-open"}) {
		t.Errorf("%q", names)
	}
	text := pages[1].Text
	for _, want := range []string{
		".TH GATE\\-OPEN 1 \"\" \"Postern 1.0\\-rc\" \"Postern\"\n", ".SH NAME\ngate\\-open \\- Opens it\n", "\n\\&.bad line\n\\&'quoted\nback\\eslash\n",
		".TP\n.B \\-k, \\-\\-key KEY\nthe KEY to use\n", ".SH EXAMPLES\n.nf\n  gate open a\\-b\n.fi\n", ".SH EXIT STATUS\n.nf\n  0 well\n.fi\n", ".SH SEE ALSO\n.BR gate (1)\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("a hidden option is shown")
	}
}
