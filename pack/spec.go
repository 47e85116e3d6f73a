package pack

import "postern/pack/strict"

// The file structs: what stands in a pack's YAML, as an author writes it. The
// runtime types in pack.go are made of these and nothing else sees them.

// The scalars and parts of them.
type (
	text    = strict.Text
	day     = strict.Day
	pattern = strict.Pattern
	opaque  = strict.Opaque
	here    = strict.Here
	place   = strict.Place
)

// schemaVersion is the only version of the pack format this loader reads.
const schemaVersion = 1

// confidences is a closed list that notes of advisories are held against, too.
// The words of all such lists are those of the report contract.
const confidences = "confirmed,likely,unsure"

// specPack is pack.yaml.
type specPack struct {
	Schema     int        `yaml:"schema" need:"yes"`
	ID         text       `yaml:"id" need:"yes"`
	Revision   text       `yaml:"revision" need:"yes"`
	Date       day        `yaml:"date" need:"yes"`
	Title      text       `yaml:"title" need:"yes"`
	References []text     `yaml:"references" need:"yes"`
	Notes      []text     `yaml:"notes"` // for readers of the file
	Scheme     text       `yaml:"scheme" need:"yes"`
	Latest     specLatest `yaml:"latest" need:"yes"`
}

type specLatest struct {
	Version    text `yaml:"version" need:"yes"`
	Seen       day  `yaml:"seen" need:"yes"`
	Source     text `yaml:"source" need:"yes"`
	Confidence text `yaml:"confidence" need:"yes" enum:"confirmed,likely,unsure"`
}

// specRule is a pattern with its proof: examples must match, near must not.
type specRule struct {
	Pattern  pattern `yaml:"pattern" need:"yes"`
	Examples []text  `yaml:"examples" need:"yes"`
	Near     []text  `yaml:"near" need:"yes"`
}

// specProduct is product.yaml.
type specProduct struct {
	ID        text          `yaml:"id" need:"yes"`
	Name      text          `yaml:"name" need:"yes"`
	Folders   []text        `yaml:"folders" need:"yes"`
	Inner     []text        `yaml:"inner" need:"yes"`
	Data      []text        `yaml:"data"`
	Services  []text        `yaml:"services" need:"yes"`
	Programs  []specProgram `yaml:"programs" need:"yes"`
	Images    []specRule    `yaml:"images"`
	Uninstall []specRule    `yaml:"uninstall"`
	Copies    specRule      `yaml:"copies" need:"yes"`
	Own       *specRule     `yaml:"own"`
	Starts    *specRule     `yaml:"starts"`
	Web       *specWeb      `yaml:"web"`
}

type specProgram struct {
	Name   text      `yaml:"name" need:"yes"`
	Kind   text      `yaml:"kind" need:"yes" enum:"program,library"`
	Marker bool      `yaml:"marker"`
	Build  *specRule `yaml:"build"`
}

type specWeb struct {
	Ports    []specPort    `yaml:"ports" need:"yes"`
	Requests []specRequest `yaml:"requests" need:"yes"`
}

type specPort struct {
	here
	Number int  `yaml:"number" need:"yes"`
	TLS    bool `yaml:"tls"`
}

// specRequest has a method so that a pack which wants another one is refused by
// name. There is no field for a body or a header, and there will be none.
type specRequest struct {
	Path    text        `yaml:"path" need:"yes"`
	Method  text        `yaml:"method"`
	Product []specRule  `yaml:"product" need:"yes"`
	Builds  []specBuild `yaml:"builds"`
	Cluster *specRule   `yaml:"cluster"`
	Host    *specRule   `yaml:"host"`
	OS      *specRule   `yaml:"os"`
}

type specBuild struct {
	specRule
	Gives      []text `yaml:"gives" need:"yes"` // the version each example gives, as written
	Ticks      bool   `yaml:"ticks"`
	Confidence text   `yaml:"confidence" need:"yes" enum:"confirmed,likely,unsure"`
}

// specLogs is logs.yaml.
type specLogs struct {
	Logs    []specLog    `yaml:"logs" need:"yes"`
	Windows []specEvents `yaml:"windows"`
}

type specEvents struct {
	here
	Category text   `yaml:"category"`
	Service  text   `yaml:"service"`
	Need     bool   `yaml:"need"`
	Fields   []text `yaml:"fields"`
}

type specLog struct {
	here
	ID           text            `yaml:"id" need:"yes"`
	Family       text            `yaml:"family" need:"yes"`
	Layout       text            `yaml:"layout" need:"yes" enum:"w3c,lines,ncsa,json,syslog,journal"`
	Names        []specRule      `yaml:"names"`
	Inside       *specRule       `yaml:"inside"`
	DateFormat   text            `yaml:"date_format"`
	StampFormat  text            `yaml:"stamp_format"`
	Zone         text            `yaml:"zone" need:"yes" enum:"host,utc"`
	Folders      []text          `yaml:"folders"`
	Sniff        *specRule       `yaml:"sniff"`
	Forms        []text          `yaml:"forms"`
	Roles        map[string]text `yaml:"roles"`
	Continuation *specRule       `yaml:"continuation"`
	Exceptions   *specRule       `yaml:"exceptions"`
	Serves       *specRule       `yaml:"serves"`
	Source       specSource      `yaml:"source" need:"yes"`
	Services     map[string]text `yaml:"services"`
	Shared       bool            `yaml:"shared"`
	Daily        bool            `yaml:"daily"`
	Need         bool            `yaml:"need"`
}

type specSource struct {
	Product  text `yaml:"product"`
	Category text `yaml:"category"`
	Service  text `yaml:"service"`
}

// specIndicators is indicators.yaml.
type specIndicators struct {
	Places     []specPlace     `yaml:"places"`
	Indicators []specIndicator `yaml:"indicators"`
}

type specPlace struct {
	ID      text       `yaml:"id" need:"yes"`
	OS      text       `yaml:"os" enum:"windows,linux"`
	Paths   []specRule `yaml:"paths" need:"yes"`
	Sites   []specRule `yaml:"sites"`
	Roots   []text     `yaml:"roots"`
	Folders bool       `yaml:"folders"`
	Hash    bool       `yaml:"hash"`
	Content int        `yaml:"content"`
}

type specIndicator struct {
	ID         text       `yaml:"id" need:"yes"`
	Title      text       `yaml:"title" need:"yes"`
	Kind       text       `yaml:"kind" need:"yes" enum:"file,folder,hash,peer"`
	Class      text       `yaml:"class" need:"yes" enum:"state,lead,scan,attempt,failed,success"`
	Severity   text       `yaml:"severity" need:"yes" enum:"info,low,medium,high,critical"`
	Confidence text       `yaml:"confidence" need:"yes" enum:"confirmed,likely,unsure"`
	Vulns      []text     `yaml:"vulnerabilities"`
	Attack     []text     `yaml:"attack"`
	Next       text       `yaml:"next" need:"yes"`
	Label      text       `yaml:"label"`
	Sources    []text     `yaml:"sources" need:"yes"`
	FirstSeen  day        `yaml:"first_seen"`
	ValidFrom  day        `yaml:"valid_from"`
	ValidUntil day        `yaml:"valid_until"`
	Match      specMatch  `yaml:"match" need:"yes"`
	Examples   []specCase `yaml:"examples" need:"yes"`
	Near       []specCase `yaml:"near" need:"yes"`
}

type specMatch struct {
	here
	Place     text    `yaml:"place"`
	Name      pattern `yaml:"name"`
	Except    pattern `yaml:"except"`
	Magic     []text  `yaml:"magic"` // base64, so that antivirus leaves the pack alone
	Hashes    []text  `yaml:"hashes"`
	Peers     []text  `yaml:"peers"`
	Direction text    `yaml:"direction" enum:"inbound,outbound,either"`
}

// specCase is one example: exactly one of File, Folder, Hash and Peer,
// as the indicator's kind wants.
type specCase struct {
	here
	File    text `yaml:"file"`    // the machine's path, as it writes it
	Content text `yaml:"content"` // base64
	Folder  text `yaml:"folder"`
	Hash    text `yaml:"hash"`
	Peer    text `yaml:"peer"`
}

// specSigma is one file of sigma/: the keys of the Sigma specification (2.1)
// and nothing else, so that a misspelled one is no silent comment. What is
// opaque is for the engine.
type specSigma struct {
	here
	Title       text     `yaml:"title" need:"yes"`
	ID          text     `yaml:"id" need:"yes"`
	Name        text     `yaml:"name"`
	Related     opaque   `yaml:"related"`
	Taxonomy    text     `yaml:"taxonomy"`
	Status      text     `yaml:"status" enum:"stable,test,experimental"`
	Description text     `yaml:"description"`
	License     text     `yaml:"license"`
	Author      text     `yaml:"author"`
	References  []text   `yaml:"references"`
	Date        day      `yaml:"date"`
	Modified    day      `yaml:"modified"`
	LogSource   opaque   `yaml:"logsource"`
	Detection   opaque   `yaml:"detection"`
	Correlation opaque   `yaml:"correlation"`
	Fields      opaque   `yaml:"fields"`
	False       []text   `yaml:"falsepositives"`
	Level       text     `yaml:"level" enum:"informational,low,medium,high,critical"`
	Tags        []text   `yaml:"tags"`
	Scope       opaque   `yaml:"scope"`
	Generate    opaque   `yaml:"generate"`
	Postern     specRate `yaml:"postern" need:"yes"`
}

// specRate is how a match of a Sigma rule is judged: either a label alone, or
// all the rest.
type specRate struct {
	here
	Label      text          `yaml:"label"`
	Class      text          `yaml:"class" enum:"state,lead,scan,attempt,failed,success"`
	Confidence text          `yaml:"confidence" enum:"confirmed,likely,unsure"`
	Part       text          `yaml:"part" enum:"now,then"`
	FirstSeen  day           `yaml:"first_seen"`
	Next       text          `yaml:"next"`
	Outcomes   []specOutcome `yaml:"outcomes"`
}

type specOutcome struct {
	Condition text `yaml:"condition" need:"yes"`
	Class     text `yaml:"class" need:"yes" enum:"state,lead,scan,attempt,failed,success"`
	Level     text `yaml:"level" need:"yes" enum:"informational,low,medium,high,critical"`
	WhenFixed text `yaml:"when_fixed" enum:"lead,scan,attempt"`
}

// specConfig is config.yaml.
type specConfig struct {
	Checks []specCheck `yaml:"checks" need:"yes"`
}

type specCheck struct {
	here
	ID         text            `yaml:"id" need:"yes"`
	Title      text            `yaml:"title" need:"yes"`
	Place      text            `yaml:"place" need:"yes"`
	Name       pattern         `yaml:"name"`
	Key        pattern         `yaml:"key"`
	Value      pattern         `yaml:"value"`
	Except     pattern         `yaml:"except"`
	Count      *specCount      `yaml:"count"`
	Changed    bool            `yaml:"changed"`
	Class      text            `yaml:"class" need:"yes" enum:"state,lead,scan,attempt,failed,success"`
	Severity   text            `yaml:"severity" need:"yes" enum:"info,low,medium,high,critical"`
	Confidence text            `yaml:"confidence" need:"yes" enum:"confirmed,likely,unsure"`
	Vulns      []text          `yaml:"vulnerabilities"`
	Attack     []text          `yaml:"attack"`
	Next       text            `yaml:"next" need:"yes"`
	Sources    []text          `yaml:"sources" need:"yes"`
	FirstSeen  day             `yaml:"first_seen"`
	Examples   []specCheckCase `yaml:"examples" need:"yes"`
	Near       []specCheckCase `yaml:"near" need:"yes"`
}

type specCount struct {
	here
	Over int `yaml:"over" need:"yes"`
}

// specCheckCase is a settings file: its path, what is in it, as plain text or
// base64, and the day it was changed where that counts.
type specCheckCase struct {
	here
	File    text `yaml:"file" need:"yes"`
	Content text `yaml:"content"`
	Text    text `yaml:"text"`
	Changed day  `yaml:"changed"`
}

// specTest is the header of a case in tests/.
type specTest struct {
	here
	Title     text            `yaml:"title" need:"yes"`
	OS        text            `yaml:"os" enum:"windows,linux"`
	Zone      text            `yaml:"zone"`
	AsOf      text            `yaml:"as_of" need:"yes"`
	Installed *specInstalled  `yaml:"installed"`
	Expect    []specExpect    `yaml:"expect"`
	Absent    []text          `yaml:"absent"`
	Others    bool            `yaml:"others"`
	Answers   map[string]text `yaml:"answers"`
	Reading   text            `yaml:"reading"`
}

type specInstalled struct {
	Version text `yaml:"version" need:"yes"`
	Since   day  `yaml:"since"`
}

type specExpect struct {
	here
	Rule     text `yaml:"rule" need:"yes"`
	Class    text `yaml:"class" need:"yes" enum:"state,lead,scan,attempt,failed,success"`
	Count    int  `yaml:"count" need:"yes"`
	Label    text `yaml:"label"`
	Severity text `yaml:"severity" enum:"info,low,medium,high,critical"`
}
