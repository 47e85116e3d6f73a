package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"postern/report"
	"postern/verdict"
)

// code is an exit code; the exit code is an answer.
type code int

// The exit codes (DESIGN section 6).
const (
	exitNothingBad code = 0
	exitYes        code = 1
	exitFault      code = 1 // of pack lint and pack test
	exitUsage      code = 2
	exitUnknown    code = 3
	exitFailed     code = 4
	exitCancelled  code = 130
)

var exitCodes = []struct {
	code  code
	means string
}{
	{exitNothingBad, "answered, nothing bad"},
	{exitYes, "a question was answered yes (outranks 3); a pack has faults"},
	{exitUsage, "usage: the command line does not make sense"},
	{exitUnknown, "some answer is unknown, or nothing was examined"},
	{exitFailed, "could not run"},
	{exitCancelled, "cancelled: the report is partial"},
}

func exitTable() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "  %-4d %s\n", c.code, c.means)
	}
	return b.String()
}

// exitCodesCommand is a help topic: a command without anything to run.
func exitCodesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes say",
		Long: `The exit code is an answer. A lead, a scan or an attempt alone is no yes; a
cancelled run is 130 whatever it had found. A web page that is not the product
leaves nothing open: 0. Where nothing at all was examined, as under --only with
a question this version does not answer, it is 3.

With --json a run that has no report prints {"schema": "postern.error/1",
"error": ..., "exit": ...} instead.`,
	}
}

// exit ends a command with a code; err may be nil.
type exit struct {
	code code
	err  error
}

// Error describes the cause, the bare code without one.
func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exit) Unwrap() error { return e.err }

// failed is the end of a command that could not run.
func failed(format string, args ...any) error {
	return &exit{exitFailed, fmt.Errorf(format, args...)}
}

// answered turns a report into the end of its command.
func answered(r *report.Report) error {
	if r.Run.Cancelled {
		return &exit{code: exitCancelled}
	}
	worst := verdict.NotExamined
	for i := range r.Hosts {
		worst = verdict.Worse(worst, r.Hosts[i].Answers.Worst())
	}
	switch worst {
	case verdict.Yes:
		return &exit{code: exitYes}
	case verdict.Unknown:
		return &exit{code: exitUnknown}
	case verdict.NotExamined:
		if !looked(r) {
			return &exit{code: exitUnknown}
		}
	}
	return nil
}

// looked reports whether anything was read or asked at all. A page that is
// not the product is: it answers no question, and nothing about it is open.
func looked(r *report.Report) bool {
	return slices.ContainsFunc(r.Targets, func(t report.Target) bool {
		return slices.ContainsFunc(t.Coverage, func(c report.Coverage) bool { return c.Missed == nil })
	})
}
