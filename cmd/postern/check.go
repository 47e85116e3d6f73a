package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"postern/detect"
	"postern/evidence"
	"postern/journal"
	"postern/pack"
	"postern/report"
	"postern/target"
)

// check is one run of the command.
type check struct {
	flags   checkFlags
	targets []named
	packs   []*pack.Pack
	own     detect.Own
	latest  map[string]string
	asked   evidence.Parts
	review  evidence.Period
	proxies []netip.Prefix
	asOf    time.Time
	zone    *time.Location
	now     time.Time        // the clock in force
	journal *journal.Journal // of --resume; nil: none
	maxAge  time.Duration
	scope   *target.Scope
	shadows []target.Shadow
	listed  []report.Listed
	log     *slog.Logger
	stdin   io.Reader
	out     output
}

// checkFlags are the options as they were written.
type checkFlags struct {
	only, hosts, packs, latest []string
	sigma, placeholders        []string
	yara, ioc, define, proxies []string
	since, until, asOf, zone   string
	list, scope, inventory     string
	maxAge, now, resume        string
	rate                       float64
	parallel, workers          int
	maxMemory, priority        string
	shadowCopies               []string
	memory                     int64 // bytes of maxMemory; 0: not said
	partial, allRefs, verbose  bool
	logs, scan                 bool // the command is logs, or scan
	fileFlags
	recover    bool
	iocContext bool
	output     outputFlags
}

func checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [TARGET...]",
		Short: "Examine hosts, images, archives, logs or URLs and answer",
		Long: `Examine what is named and answer: exposed? compromised?

A TARGET is a folder (a mounted image or a copied tree), an archive of one (zip,
7z, tar, tar.gz, tar.zst, tar.xz, tar.bz2), a collection of KAPE, UAC or
Velociraptor, a log or a folder of logs, or a web address. Without any, this
host is examined: run as root or administrator. Nothing is changed.

Options narrow the work and never the question: what --since leaves out is
listed as not seen. Only --only drops whole questions.`,
		Example: `  postern check
  postern check /mnt/image --as-of 2026-01-31T08:00:00Z
  postern check logs.zip --time-zone Europe/Berlin
  postern check -f hosts.txt --inventory machines.csv --json > report.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newCheck(cmd, f, args)
			if err != nil {
				return err
			}
			return c.run(cmd.Context())
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringSliceVar(&f.only, "only", nil, "ask only these questions: exposed,compromised,reachable,unprepared")
	f.addEvidence(cmd)
	fl.StringArrayVar(&f.latest, "latest-build", nil, "newest build you know of, `[PACK=]BUILD`; repeatable")
	fl.StringVar(&f.maxAge, "pack-max-age", maxAge, "older packs say unknown instead of no; `AGE` as 90d")
	fl.StringVar(&f.scope, "scope", "", "`FILE` with the hosts and ranges that are yours; needed for ranges")
	fl.Float64Var(&f.rate, "rate", target.PoliteRate, "connections per second and address")
	fl.StringVar(&f.inventory, "inventory", "", "`FILE` (CSV or YAML) with the machines that should exist")
	f.addFiles(cmd)
	f.addWork(cmd)
	complete(cmd, "only", []string{"exposed", "compromised", "reachable", "unprepared"})
	return cmd
}

// maxAge is how old a pack may be before its no is unknown.
const maxAge = "90d"

// addEvidence adds the options that say what the targets are, and what is held
// against them.
func (f *checkFlags) addEvidence(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.since, "since", "", "read logs from this `DATE` on; what is left out stays a gap")
	fl.StringVar(&f.until, "until", "", "read logs up to this `DATE`; what is left out stays a gap")
	fl.StringVar(&f.asOf, "as-of", "", "`TIME` when the evidence was taken")
	fl.StringVar(&f.zone, "time-zone", "", "`ZONE` of local times in the evidence, as Europe/Berlin")
	fl.StringArrayVar(&f.hosts, "host", nil, "`NAME=TARGET`: the target is evidence of this host; repeatable")
	fl.StringVarP(&f.list, "file", "f", "", "`FILE` with a target on each line, - for standard input")
	fl.BoolVar(&f.partial, "partial", false, "the targets are selections: what is missing was not collected")
	fl.StringArrayVar(&f.packs, "packs", nil, "`DIR` with a pack or packs of your own; repeatable")
	fl.StringArrayVar(&f.sigma, "sigma", nil, "`DIR` or file with Sigma rules of your own; repeatable")
	fl.StringArrayVar(&f.placeholders, strings.TrimPrefix(placeholderOption, "--"), nil, "`FILE` or folder with the values of %placeholders% in your Sigma rules; repeatable")
	fl.StringArrayVar(&f.ioc, "ioc", nil, "`FILE` or folder with indicators to look for: one a line, STIX or MISP; repeatable")
	fl.BoolVar(&f.iocContext, "ioc-context", false, "take what MISP lists call context (to_ids false) as leads")
	fl.StringArrayVar(&f.proxies, "proxy", nil, "`ADDRESS` or network of a reverse proxy of yours: logs name the clients it spoke for; repeatable")
	fl.StringArrayVar(&f.shadowCopies, "shadow-copy", nil, "`DRIVE=PATH` of an existing shadow copy of this host, to read locked files from; repeatable")
	fl.BoolVar(&f.recover, "recover", false, "search the space that Windows event logs no longer use for records, too")
}

// addWork adds the options that say how the work is done, and where its results
// go.
func (f *checkFlags) addWork(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.IntVar(&f.parallel, "parallel", 4, "targets at once")
	fl.IntVar(&f.workers, "workers", 0, "logs or parts of logs read at once; 0: one for each core")
	fl.StringVar(&f.maxMemory, "max-memory", "", "keep to so much memory, `SIZE` as 512MiB, at the cost of time")
	fl.StringVar(&f.priority, "priority", "", "`LEVEL` for processor and disks, low or normal; low when this host is examined")
	fl.BoolVar(&f.allRefs, "all-refs", false, "list every reference, not the first twenty")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "say on standard error what is done")
	fl.BoolVarP(&f.output.quiet, "quiet", "q", false, "show no progress")
	fl.StringVar(&f.resume, "resume", "", "keep in `FILE` what was read of logs; broken off and run again, go on from there")
	fl.StringVar(&f.now, "now", "", "the clock, for tests")
	complete(cmd, "priority", []string{lowPriority, normalPriority})
	f.output.add(cmd)
	fl.StringVar(&f.output.timeline, "timeline", "", "write every sighting in order of time to `FILE` (.csv, .jsonl), as Timesketch takes it")
	if err := fl.MarkHidden("now"); err != nil {
		cmd.Long += "\n(" + err.Error() + ")" // only if the flag above is renamed
	}
}

// newCheck reads the command line. Its errors are usage, but for files that
// can't be read and packs that can't be loaded.
func newCheck(cmd *cobra.Command, f checkFlags, args []string) (*check, error) {
	c := &check{flags: f, stdin: cmd.InOrStdin(), now: time.Now().UTC(), log: logger(cmd.ErrOrStderr(), f.verbose)}
	for _, read := range []func() error{
		func() (err error) { c.asked, err = f.asked(); return },
		func() (err error) { c.zone, err = parseZone(f.zone); return },
		func() (err error) { c.asOf, err = parseTime("as-of", f.asOf, c.zone); return },
		func() (err error) { c.review.From, err = parseTime("since", f.since, c.zone); return },
		func() (err error) { c.review.To, err = parseTime("until", f.until, c.zone); return },
		func() (err error) { c.proxies, err = parseProxies(f.proxies); return },
		func() (err error) { c.maxAge, err = parseAge(f.maxAge); return },
		func() (err error) { c.flags.memory, err = parseMemory(f.maxMemory); return },
		func() error { return f.checkPriority() },
		func() error { return c.flags.parse() },
		func() (err error) { c.shadows, err = parseShadows(f.shadowCopies); return },
		func() (err error) { c.targets, err = parseTargets(args, f.hosts, f.list, c.readSmall); return },
		func() error { return c.checkTimes() },
		func() (err error) { c.scope, err = c.readScope(); return },
		func() (err error) { c.listed, err = c.readInventory(); return },
		func() error { return f.output.apart(c.targets) },
		func() (err error) { c.out, err = f.output.open(cmd); return },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	var err error
	if c.packs, err = loadPacks(f.packs); err != nil {
		return nil, &exit{exitFailed, err}
	}
	if c.own, err = readOwn(f.sigma, f.placeholders, f.yara, f.ioc, f.iocContext, f.define); err != nil {
		return nil, err
	}
	if c.latest, err = parseLatest(f.latest, c.packs); err != nil {
		return nil, err
	}
	return c, c.openJournal(cmd)
}

// asked is what is asked: of logs whether somebody came in then, of files whether
// what somebody left is there now, else what --only says.
func (f *checkFlags) asked() (evidence.Parts, error) {
	switch {
	case f.logs:
		return evidence.CompromisedThen, nil
	case f.scan:
		return evidence.CompromisedNow, nil
	}
	return parseOnly(f.only)
}

// checkTimes sets the clock and refuses times that contradict each other.
func (c *check) checkTimes() error {
	if now, err := parseTime("now", c.flags.now, nil); err != nil {
		return err
	} else if !now.IsZero() {
		c.now = now
	}
	switch {
	case c.asOf.After(c.now):
		return fmt.Errorf("--as-of %s lies in the future", c.flags.asOf)
	case !c.review.To.IsZero() && !c.review.From.Before(c.review.To):
		return fmt.Errorf("--until %s is not after --since %s", c.flags.until, c.flags.since)
	case !(c.flags.rate > 0) || c.flags.parallel < 1:
		return fmt.Errorf("--rate and --parallel must be above zero")
	case c.flags.workers < 0:
		return fmt.Errorf("--workers %d: a number of workers, or 0 for one for each core", c.flags.workers)
	}
	return nil
}

func (c *check) engine() (*detect.Engine, []string, error) {
	engine, refusals, err := detect.Compile(c.packs, detect.Options{
		Now: c.now, Parts: c.asked, Review: c.review, LatestBuild: c.latest,
		UserAgent: userAgent(c.scope), AllRefs: c.flags.allRefs, Recover: c.flags.recover, Own: c.own, Proxies: c.proxies,
		Every: c.flags.thorough || c.flags.scan,
	})
	if err != nil {
		return nil, nil, failed("packs: %w", err)
	}
	refused := make([]string, 0, len(refusals))
	for _, r := range refusals {
		refused = append(refused, report.Clean(r.String()+hint(r)))
	}
	return engine, refused, nil
}

// userAgent says what asks, and whom to turn to where the scope file says so.
func userAgent(scope *target.Scope) string {
	says := "Postern/" + identity().Version + " (defensive check; reads pages only"
	if scope != nil && scope.Contact != "" {
		says += "; contact " + report.Clean(scope.Contact)
	}
	return says + ")"
}

// logger writes debug lines for -v; nil says nothing.
func logger(w io.Writer, verbose bool) *slog.Logger {
	if !verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
