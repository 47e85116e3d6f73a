package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"postern"
	"postern/collect"
	"postern/evidence"
	"postern/pack"
	"postern/packs"
	"postern/report"
	"postern/target"
)

func packTestCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test [DIR...]",
		Short: "Hold packs against their own cases",
		Long: `Run every case of a pack's tests/ through the whole pipeline and say what came
out otherwise than it expects. Without a DIR the shipped packs are tested.

Exit codes: 0 every case passed, 1 some failed or a pack has faults, 2 usage, 4 a
folder could not be read.`,
		Example: "  postern pack test\n  postern pack test mypack",
		RunE: func(cmd *cobra.Command, dirs []string) error {
			return testPacks(cmd.Context(), cmd.OutOrStdout(), dirs, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// tested is what the cases of one pack came to.
type tested struct {
	Dir      string     `json:"dir"`
	ID       string     `json:"id"`
	Revision string     `json:"revision"`
	Cases    []caseJSON `json:"cases"`
	Faults   []string   `json:"faults"` // why the pack could not be tested at all
}

type caseJSON struct {
	File   string   `json:"file"`
	Title  string   `json:"title"`
	Passed bool     `json:"passed"`
	Faults []string `json:"faults"`
}

func testPacks(ctx context.Context, out io.Writer, dirs []string, asJSON bool) error {
	var all []tested
	try := func(fsys fs.FS, dir string) error {
		found, err := folders(fsys, dir)
		if err != nil {
			return &exit{exitFailed, err}
		}
		for _, f := range found {
			one, err := testPack(ctx, f)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	}
	if len(dirs) == 0 {
		if err := try(packs.Shipped(), "packs"); err != nil {
			return err
		}
	}
	for _, dir := range dirs {
		if err := try(os.DirFS(dir), dir); err != nil {
			return err
		}
	}
	failed := false
	for _, t := range all {
		failed = failed || len(t.Faults) > 0
		for _, c := range t.Cases {
			failed = failed || !c.Passed
		}
	}
	if asJSON {
		if err := writeJSON(out, struct {
			Schema string   `json:"schema"`
			Packs  []tested `json:"packs"`
		}{"postern.packtest/1", all}); err != nil {
			return err
		}
	} else {
		printTested(out, all)
	}
	if failed {
		return &exit{code: exitFault}
	}
	return nil
}

func testPack(ctx context.Context, f folder) (tested, error) {
	out := tested{Dir: f.path, Cases: []caseJSON{}, Faults: []string{}}
	p, err := pack.Load(f)
	if err == nil {
		out.ID, out.Revision = p.ID, p.Revision
		var results []postern.CaseResult
		results, err = postern.Selftest(ctx, p, openCase, collect.All(collect.Options{}))
		for _, r := range results {
			out.Cases = append(out.Cases, caseJSON{r.File, r.Title, len(r.Faults) == 0, append([]string{}, r.Faults...)})
		}
		if err == nil && len(results) == 0 {
			err = errors.New("it has no cases (tests/*.txtar), so nothing is proven")
		}
	}
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	for _, e := range each(err) {
		var unread *fs.PathError
		if errors.As(e, &unread) {
			return out, &exit{exitFailed, fmt.Errorf("%s: %w", f.path, e)}
		}
		flaw := flawed(f.path, e)
		out.Faults = append(out.Faults, flaw.place()+flaw.What)
	}
	return out, nil
}

// openCase opens a pack's case as a copied tree.
func openCase(ctx context.Context, t *pack.Test, files map[string][]byte, changed map[string]time.Time) (*evidence.Source, error) {
	return target.OpenMemory(ctx, t.File, files, changed, target.Options{Zone: t.Zone, AsOf: t.AsOf})
}

func printTested(out io.Writer, all []tested) {
	for _, t := range all {
		for _, fault := range t.Faults {
			fmt.Fprintln(out, report.Clean(fault))
		}
		failed := 0
		for _, c := range t.Cases {
			if c.Passed {
				continue
			}
			failed++
			fmt.Fprintf(out, "%s: FAILED: %s\n", c.File, report.Clean(c.Title))
			for _, fault := range c.Faults {
				fmt.Fprintf(out, "    %s\n", report.Clean(fault))
			}
		}
		fmt.Fprintf(out, "%s: %d cases, %d failed, %s\n", t.Dir, len(t.Cases), failed, count(len(t.Faults), "fault"))
	}
}
