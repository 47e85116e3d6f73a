package persist

import (
	"cmp"
	"fmt"

	"postern/detect/anomaly"
	"postern/detect/tools"
	"postern/evidence"
)

// The ids of rules about tools of the table.
const (
	RemoteTool   = "tool.remote-access"
	TunnelTool   = "tool.tunnel"
	AttackTool   = "tool.attack"
	TransferTool = "tool.transfer"
	RenamedTool  = "tool.under-another-name"
	MovedTool    = "tool.in-odd-folder"
)

func toolRules() []anomaly.Rule {
	return []anomaly.Rule{
		rule(RemoteTool, "A program for remote control is here", lead, low, "T1219", "Ask whether your team installed it; if nobody did, the host was entered."),
		rule(TunnelTool, "A program that opens tunnels is here", lead, low, "T1572", "Ask whether your team installed it; see where its configuration leads."),
		rule(AttackTool, "A program is here that intruders bring to look around, take passwords or move on", lead, medium, "T1588.002", "Ask whether a test was ordered; keep a copy with its times."),
		rule(TransferTool, "A program is here that intruders bring to pack and copy", lead, low, "T1567.002", "Ask who uses it, and for what; its configuration names where it copies to."),
		rule(RenamedTool, "A known tool under another name", state, high, "T1036.003", "Keep a copy with its times; nobody renames such a program for an honest end."),
		rule(MovedTool, "A program for remote control or tunnels lies where no installer puts it", lead, medium, "T1219", "Ask who brought it; keep a copy with its configuration."),
	}
}

// ofKind are the rules for the kinds of tools.
var ofKind = map[tools.Kind]string{
	tools.RemoteAccess: RemoteTool, tools.RMM: RemoteTool, tools.Tunnel: TunnelTool,
	tools.Attack: AttackTool, tools.Execution: AttackTool, tools.Transfer: TransferTool,
}

// Tools gives what a table of tools says of an autostart, a process, a trace or a program.
func Tools(o *evidence.Observation, t *tools.Table) []anomaly.Judgement {
	i := &Item{Observation: o, kind: o.Get("Kind"), image: Path(cmp.Or(o.Get("Image"), o.Get("TargetFilename")))}
	seen := tools.Trace{Image: i.image, Command: o.Get("CommandLine")}
	switch i.kind {
	case evidence.StartService, evidence.StartUnit:
		seen.Service = o.Get("Name")
	case evidence.StartTask:
		seen.Task = o.Get("Name")
	}
	if o.File != nil && o.File.Program != nil {
		p := o.File.Program
		seen.Signer, seen.Product, seen.Company, seen.Original = p.Signer, p.Product, p.Company, p.Original
	}
	for _, hit := range t.Match(seen) {
		what := fmt.Sprintf("%s, by its %s", hit.Tool.Name, hit.By)
		switch {
		case hit.Renamed:
			i.add(RenamedTool, "%s", what)
		case temporary.MatchString(i.image), odd.MatchString(i.image) && !installed.MatchString(i.image):
			i.add(cmp.Or(map[string]string{AttackTool: AttackTool}[ofKind[hit.Tool.Kind]], MovedTool), "%s", what)
		default:
			i.add(ofKind[hit.Tool.Kind], "%s", what)
		}
	}
	return i.why
}
