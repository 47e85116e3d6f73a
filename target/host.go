package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"postern/evidence"
)

// openHost opens this machine as it runs: its local file systems, its
// processes and, on Windows, its registry. What cannot be reached, for want of
// rights or because it lies on another machine, is a gap.
func openHost(ctx context.Context, opt Options) ([]*evidence.Source, error) {
	files, err := hostFiles(opt)
	if err != nil {
		return nil, fmt.Errorf("target: this host: %w", err)
	}
	if err := unknownShadow(opt.Shadows, files.volumes); err != nil {
		return nil, errors.Join(err, files.tree.Close())
	}
	src := &evidence.Source{
		Kind: evidence.KindHost, Partial: opt.Partial,
		ID:    evidence.Identity{OS: evidence.OS(runtime.GOOS), Elevated: elevated()},
		Files: files.tree, Volumes: files.volumes, Gaps: files.gaps, Close: files.tree.Close,
		State: hostState{}, Later: files.past.gaps,
	}
	if src.ID.Zone = hostZone(); src.ID.Zone != nil {
		src.ID.ZoneFrom = "this host"
	}
	if src.ID.Host, err = os.Hostname(); err != nil {
		src.Gaps = append(src.Gaps, evidence.ErrGap(evidence.CoverState, "host name", 0, err))
	}
	if !src.ID.Elevated {
		src.Gaps = append(src.Gaps, evidence.Gap(evidence.CoverState, "this host", everything, evidence.Unelevated, unelevated))
	}
	bind(src, opt)
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return []*evidence.Source{src}, nil
}

// hostState implements evidence.State for this machine.
type hostState struct{}

// Registry implements evidence.State.
func (hostState) Registry() evidence.Registry { return liveRegistry() }

// Processes implements evidence.State. A program that could not be read is
// listed without its path, and the error says how many there are.
func (hostState) Processes(ctx context.Context) ([]evidence.Process, error) {
	running, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("target: list processes: %w", err)
	}
	var all []evidence.Process
	var unread []string
	for _, p := range running {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		one, state := read(ctx, p)
		if state == gone {
			continue
		}
		if state == hidden {
			unread = append(unread, fmt.Sprintf("%d %s", one.PID, one.Name))
		}
		all = append(all, one)
	}
	if n := len(unread); n > 0 {
		return all, fmt.Errorf("target: the programs of %d of %d processes could not be read (%s): %w", n, len(all), strings.Join(unread[:min(n, 5)], ", "), fs.ErrPermission)
	}
	return all, nil
}

// outcome is how the reading of a process ended.
type outcome uint8

const (
	whole  outcome = iota
	gone           // it ended meanwhile
	hidden         // its program may not be read
)

func read(ctx context.Context, p *process.Process) (evidence.Process, outcome) {
	one := evidence.Process{PID: p.Pid}
	var err error
	if one.Name, err = p.NameWithContext(ctx); ended(err) {
		return one, gone
	}
	if ms, err := p.CreateTimeWithContext(ctx); err == nil && ms > 0 {
		one.Started = time.UnixMilli(ms).UTC()
	}
	switch one.Exe, err = p.ExeWithContext(ctx); {
	case err == nil:
		one.Exe = strings.TrimSuffix(one.Exe, " (deleted)") // Linux says so of a replaced program: proc(5), /proc/pid/exe
		return one, whole
	case withoutProgram(p.Pid, one.Name, err):
		return one, whole
	case ended(err):
		return one, gone
	}
	return one, hidden
}

func ended(err error) bool {
	return errors.Is(err, process.ErrorProcessNotRunning) || errors.Is(err, fs.ErrNotExist)
}
