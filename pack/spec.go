package pack

// The file structs: what stands in a pack's YAML, as an author writes it. The
// runtime types in pack.go are made of these and nothing else sees them.

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
	Logs []specLog `yaml:"logs" need:"yes"`
}

type specLog struct {
	here
	ID           text            `yaml:"id" need:"yes"`
	Family       text            `yaml:"family" need:"yes"`
	Layout       text            `yaml:"layout" need:"yes" enum:"w3c,lines"`
	Names        []specRule      `yaml:"names"`
	Inside       *specRule       `yaml:"inside"`
	DateFormat   text            `yaml:"date_format"`
	Zone         text            `yaml:"zone" need:"yes" enum:"host,utc"`
	Folders      []text          `yaml:"folders"`
	Sniff        *specRule       `yaml:"sniff"`
	Forms        []text          `yaml:"forms"`
	Roles        map[string]text `yaml:"roles"`
	Continuation *specRule       `yaml:"continuation"`
	Exceptions   *specRule       `yaml:"exceptions"`
	Source       specSource      `yaml:"source" need:"yes"`
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
	Indicators []specIndicator `yaml:"indicators" need:"yes"`
}

type specPlace struct {
	ID      text       `yaml:"id" need:"yes"`
	OS      text       `yaml:"os" enum:"windows,linux"`
	Paths   []specRule `yaml:"paths" need:"yes"`
	Roots   []text     `yaml:"roots"`
	Folders bool       `yaml:"folders"`
	Hash    bool       `yaml:"hash"`
	Content int        `yaml:"content"`
}

type specIndicator struct {
	ID         text       `yaml:"id" need:"yes"`
	Title      text       `yaml:"title" need:"yes"`
	Kind       text       `yaml:"kind" need:"yes" enum:"event,file,folder,hash,peer"`
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
	Families  []text          `yaml:"families"`
	Where     []specCondition `yaml:"where"`
	Outcomes  []specOutcome   `yaml:"outcomes"`
	Place     text            `yaml:"place"`
	Name      pattern         `yaml:"name"`
	Except    pattern         `yaml:"except"`
	Content   []text          `yaml:"content"` // base64, so that antivirus leaves the pack alone
	Text      pattern         `yaml:"text"`
	Magic     []text          `yaml:"magic"` // base64
	Hashes    []text          `yaml:"hashes"`
	Peers     []text          `yaml:"peers"`
	Direction text            `yaml:"direction" enum:"inbound,outbound,either"`
}

type specCondition struct {
	here
	Role   text    `yaml:"role"`
	Field  text    `yaml:"field"`
	Op     text    `yaml:"op" need:"yes" enum:"equals,contains,startswith,endswith,re,empty"`
	Values []text  `yaml:"values"`
	Regexp pattern `yaml:"regexp"`
	Negate bool    `yaml:"negate"`
}

type specOutcome struct {
	Where     []specCondition `yaml:"where" need:"yes"`
	Class     text            `yaml:"class" need:"yes" enum:"state,lead,scan,attempt,failed,success"`
	Severity  text            `yaml:"severity" need:"yes" enum:"info,low,medium,high,critical"`
	WhenFixed text            `yaml:"when_fixed" enum:"lead,scan,attempt"`
}

// specCase is one example: exactly one of Event, File, Folder, Hash and Peer,
// as the indicator's kind wants.
type specCase struct {
	here
	Event   map[string]text `yaml:"event"`   // by role or field name
	Class   text            `yaml:"class"`   // what the event is to be classed as; "" for any
	File    text            `yaml:"file"`    // the machine's path, as it writes it
	Content text            `yaml:"content"` // base64
	Folder  text            `yaml:"folder"`
	Hash    text            `yaml:"hash"`
	Peer    text            `yaml:"peer"`
}
