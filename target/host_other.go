//go:build !linux && !windows

package target

import (
	"errors"
	"runtime"
	"time"

	"postern/evidence"
	"postern/target/tree"
)

const unelevated = ""

type liveFiles struct {
	tree    *tree.Tree
	volumes []evidence.Volume
	gaps    []evidence.Coverage
	past    *pastReads
}

func hostFiles(Options) (liveFiles, error) {
	return liveFiles{}, errors.New("a running " + runtime.GOOS + " is not examined; name a folder, an archive or a URL")
}

func elevated() bool { return false }

func hostZone() *time.Location { return time.Local }

func withoutProgram(int32, string, error) bool { return false }

func liveRegistry() evidence.Registry { return nil }
