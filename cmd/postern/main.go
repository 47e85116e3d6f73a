// Command postern examines what an administrator names and answers, with
// evidence: exposed? compromised? reachable? unprepared?
//
// main decides nothing: a subcommand parses its flags, calls a room, renders
// and gives an exit code (DESIGN section 6; the table stands in exit.go).
// Results go to stdout, talk to stderr.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // --time-zone and logs in local time work on hosts without a zone database

	"github.com/spf13/cobra"

	"postern/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks for a partial report, the second ends the program
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program, for tests too.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand() //nolint:contextcheck // cobra hands ctx to each command
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var answered *exit
	if errors.As(err, &answered) {
		if answered.err != nil {
			fmt.Fprintf(stderr, "postern: %s\n", say(answered.err))
		}
		return int(answered.code)
	}
	if err != nil {
		fmt.Fprintf(stderr, "postern: %s\nRun postern help, or a command with --help.\n", say(err))
		return int(exitUsage)
	}
	return int(exitNothingBad)
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
	root.AddCommand(checkCommand(), eventsCommand(), reportCommand(), versionCommand(), exitCodesCommand())
	return root
}
