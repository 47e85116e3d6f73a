// Command postern examines what an administrator names and answers, with
// evidence: exposed? compromised? reachable? unprepared?
//
// main decides nothing: a subcommand parses its flags, calls a room, renders
// and gives an exit code (DESIGN section 6; the table stands in exit.go).
// Results go to stdout, talk to stderr.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // --time-zone and logs in local time work on hosts without a zone database

	"github.com/spf13/cobra"

	"postern/docs"
	"postern/report"
)

// softMemory is from where on the garbage collector works harder to stay below,
// in bytes: the bound of docs/measurements.md less what is not the heap. What
// needs more gets it, and more time goes into collecting.
const softMemory = 200 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for a partial report, a later one ends the program.
	// One that follows at once is the same: timeout(1) and others send it twice.
	context.AfterFunc(ctx, func() { time.Sleep(time.Second); stop() })
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program, for tests too.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand() //nolint:contextcheck // cobra hands ctx to each command
	root.SetArgs(args)
	root.SetIn(stdin)
	asJSON := slices.Contains(args, "--json")
	printed := &counted{w: stdout}
	if asJSON { // else the terminal stays one
		stdout = printed
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	ended, hint := exit{code: exitNothingBad}, ""
	if err := root.ExecuteContext(ctx); err != nil {
		var answered *exit
		if errors.As(err, &answered) {
			ended = *answered
		} else {
			ended, hint = exit{exitUsage, err}, "Run postern help, or a command with --help.\n"
		}
	}
	if ended.err == nil {
		return int(ended.code)
	}
	fmt.Fprintf(stderr, "postern: %s\n%s", say(ended.err), hint)
	if asJSON && printed.n == 0 {
		if err := failure(stdout, ended); err != nil {
			fmt.Fprintf(stderr, "postern: write: %s\n", say(err))
		}
	}
	return int(ended.code)
}

// failure is the document of a run that has no report. Its schema is another
// one, so that nobody takes it for a report without targets.
func failure(w io.Writer, ended exit) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Schema string `json:"schema"`
		Error  string `json:"error"`
		Exit   int    `json:"exit"`
	}{"postern.error/1", report.Clean(ended.err.Error()), int(ended.code)})
}

// counted knows whether anything was written.
type counted struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// say is an error as it may be printed, a line for each line of it. Names in
// it may come from evidence, so each line is masked and escaped.
func say(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = report.Clean(lines[i])
	}
	return strings.Join(lines, "\npostern: ")
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "postern",
		Short: "Answers an emergency advisory: exposed? compromised?, with evidence",
		Long: `Postern answers an emergency advisory about software on your own hosts: exposed?
compromised? with evidence anyone can open again. Yes is bad. What could not be
seen makes an answer unknown, never none seen.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	root.SetHelpTemplate(root.HelpTemplate() + "\n" + exitTable())
	root.AddCommand(checkCommand(), scanCommand(), logsCommand(), eventsCommand(), reportCommand(), packCommand(), versionCommand(), manCommand(), exitCodesCommand())
	for _, g := range docs.Guides() { // help topics: commands without anything to run
		root.AddCommand(&cobra.Command{Use: g.Name, Short: g.Short, Long: g.Text})
	}
	return root
}
