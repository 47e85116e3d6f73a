package csaf

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// CVSS is one cvss_v2 or cvss_v3 object with the property names of FIRST's
// JSON schemas (https://www.first.org/cvss/cvss-v3.1.json and its siblings).
type CVSS map[string]any

// Text returns a string property, "" if it is absent or no string.
func (c CVSS) Text(name string) string {
	s, _ := c[name].(string)
	return s
}

// Number returns a numeric property; false if it is absent or no number.
func (c CVSS) Number(name string) (float64, bool) {
	n, ok := c[name].(float64)
	return n, ok
}

// metric is one letter group of a vector, its JSON property, and its values:
// as the vector writes them and as the property does, in the same order.
type metric struct {
	key, property string
	values, names []string
	base          bool // must stand in every vector
}

// metrics makes a table: "KEY property V=NAME,V=NAME" a line; "*" marks a base
// metric.
func metrics(lines ...string) []metric {
	var all []metric
	for _, line := range lines {
		f := strings.Fields(line)
		m := metric{key: strings.TrimPrefix(f[0], "*"), property: f[1], base: f[0][0] == '*'}
		for pair := range strings.SplitSeq(f[2], ",") {
			v, name, _ := strings.Cut(pair, "=")
			m.values, m.names = append(m.values, v), append(m.names, name)
		}
		all = append(all, m)
	}
	return all
}

const (
	av3  = "N=NETWORK,A=ADJACENT_NETWORK,L=LOCAL,P=PHYSICAL"
	lh3  = "L=LOW,H=HIGH"
	nlh3 = "N=NONE,L=LOW,H=HIGH"
	req3 = "L=LOW,M=MEDIUM,H=HIGH,X=NOT_DEFINED"
	npc2 = "N=NONE,P=PARTIAL,C=COMPLETE"
	req2 = "L=LOW,M=MEDIUM,H=HIGH,ND=NOT_DEFINED"
)

// metricsV3 is CVSS v3.0 and v3.1, section 6 of either specification.
var metricsV3 = metrics(
	"*AV attackVector "+av3, "*AC attackComplexity "+lh3, "*PR privilegesRequired "+nlh3, "*UI userInteraction N=NONE,R=REQUIRED",
	"*S scope U=UNCHANGED,C=CHANGED", "*C confidentialityImpact "+nlh3, "*I integrityImpact "+nlh3, "*A availabilityImpact "+nlh3,
	"E exploitCodeMaturity U=UNPROVEN,P=PROOF_OF_CONCEPT,F=FUNCTIONAL,H=HIGH,X=NOT_DEFINED",
	"RL remediationLevel O=OFFICIAL_FIX,T=TEMPORARY_FIX,W=WORKAROUND,U=UNAVAILABLE,X=NOT_DEFINED",
	"RC reportConfidence U=UNKNOWN,R=REASONABLE,C=CONFIRMED,X=NOT_DEFINED",
	"CR confidentialityRequirement "+req3, "IR integrityRequirement "+req3, "AR availabilityRequirement "+req3,
	"MAV modifiedAttackVector "+av3+",X=NOT_DEFINED", "MAC modifiedAttackComplexity "+lh3+",X=NOT_DEFINED",
	"MPR modifiedPrivilegesRequired "+nlh3+",X=NOT_DEFINED", "MUI modifiedUserInteraction N=NONE,R=REQUIRED,X=NOT_DEFINED",
	"MS modifiedScope U=UNCHANGED,C=CHANGED,X=NOT_DEFINED", "MC modifiedConfidentialityImpact "+nlh3+",X=NOT_DEFINED",
	"MI modifiedIntegrityImpact "+nlh3+",X=NOT_DEFINED", "MA modifiedAvailabilityImpact "+nlh3+",X=NOT_DEFINED",
)

// metricsV2 is CVSS v2, section 2.4 of its guide.
var metricsV2 = metrics(
	"*AV accessVector L=LOCAL,A=ADJACENT_NETWORK,N=NETWORK", "*AC accessComplexity H=HIGH,M=MEDIUM,L=LOW",
	"*Au authentication M=MULTIPLE,S=SINGLE,N=NONE", "*C confidentialityImpact "+npc2, "*I integrityImpact "+npc2, "*A availabilityImpact "+npc2,
	"E exploitability U=UNPROVEN,POC=PROOF_OF_CONCEPT,F=FUNCTIONAL,H=HIGH,ND=NOT_DEFINED",
	"RL remediationLevel OF=OFFICIAL_FIX,TF=TEMPORARY_FIX,W=WORKAROUND,U=UNAVAILABLE,ND=NOT_DEFINED",
	"RC reportConfidence UC=UNCONFIRMED,UR=UNCORROBORATED,C=CONFIRMED,ND=NOT_DEFINED",
	"CDP collateralDamagePotential N=NONE,L=LOW,LM=LOW_MEDIUM,MH=MEDIUM_HIGH,H=HIGH,ND=NOT_DEFINED",
	"TD targetDistribution N=NONE,L=LOW,M=MEDIUM,H=HIGH,ND=NOT_DEFINED",
	"CR confidentialityRequirement "+req2, "IR integrityRequirement "+req2, "AR availabilityRequirement "+req2,
)

// vector is a parsed vector string.
type vector struct {
	version string // "2.0", "3.0", "3.1"
	table   []metric
	values  map[string]string
}

// parseVector reads a vector of the given version: known metrics, each once,
// all base metrics there.
func parseVector(version, text string) (*vector, error) {
	v := &vector{version: version, table: metricsV3, values: map[string]string{}}
	rest, prefixed := strings.CutPrefix(text, "CVSS:"+version+"/")
	switch {
	case version == "2.0":
		v.table = metricsV2
	case !prefixed:
		return nil, fmt.Errorf("vector %q does not begin with CVSS:%s/", text, version)
	}
	for part := range strings.SplitSeq(rest, "/") {
		key, value, _ := strings.Cut(part, ":")
		i := slices.IndexFunc(v.table, func(m metric) bool { return m.key == key })
		if i < 0 || !slices.Contains(v.table[i].values, value) {
			return nil, fmt.Errorf("vector %q: %q is no metric of CVSS %s", text, part, version)
		}
		if v.values[key] != "" {
			return nil, fmt.Errorf("vector %q: %s twice", text, key)
		}
		v.values[key] = value
	}
	for _, m := range v.table {
		if m.base && v.values[m.key] == "" {
			return nil, fmt.Errorf("vector %q: no %s", text, m.key)
		}
	}
	return v, nil
}

// eachCVSS gives every score object with its pointer and the versions that its
// property allows.
func (c *checker) eachCVSS(fn func(at string, cvss CVSS, versions []string)) {
	c.eachVulnerability(func(at string, v *Vulnerability) {
		for i, s := range v.Scores {
			if s.V2 != nil {
				fn(fmt.Sprintf("%s/scores/%d/cvss_v2", at, i), s.V2, []string{"2.0"})
			}
			if s.V3 != nil {
				fn(fmt.Sprintf("%s/scores/%d/cvss_v3", at, i), s.V3, []string{"3.0", "3.1"})
			}
		}
	})
}

var severityNames = []string{"NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// invalidCVSS is what FIRST's JSON schemas demand.
func (c *checker) invalidCVSS() {
	c.eachCVSS(func(at string, cvss CVSS, versions []string) {
		version := cvss.Text("version")
		if !slices.Contains(versions, version) {
			c.fail(at+"/version", "%q is none of %v", version, versions)
			return
		}
		v, err := parseVector(version, cvss.Text("vectorString"))
		if err != nil {
			c.fail(at+"/vectorString", "%v", err)
			return
		}
		for _, name := range []string{"baseScore", "temporalScore", "environmentalScore"} {
			score, ok := cvss.Number(name)
			if _, there := cvss[name]; !ok && (there || name == "baseScore") || score < 0 || score > 10 {
				c.fail(at+"/"+name, "want a number from 0 to 10")
			}
		}
		for _, name := range []string{"baseSeverity", "temporalSeverity", "environmentalSeverity"} {
			if _, there := cvss[name]; version != "2.0" && (there || name == "baseSeverity") && !slices.Contains(severityNames, cvss.Text(name)) {
				c.fail(at+"/"+name, "want one of %v", severityNames)
			}
		}
		for _, m := range v.table {
			if _, there := cvss[m.property]; there && !slices.Contains(m.names, cvss.Text(m.property)) {
				c.fail(at+"/"+m.property, "want one of %v", m.names)
			}
		}
	})
}

// wrongCVSS computes the scores and compares.
func (c *checker) wrongCVSS() {
	c.eachCVSS(func(at string, cvss CVSS, _ []string) {
		v, err := parseVector(cvss.Text("version"), cvss.Text("vectorString"))
		if err != nil {
			return // 6.1.8 said so
		}
		base, temporal, environmental := v.scores()
		for _, s := range []struct {
			name string
			want float64
		}{{"base", base}, {"temporal", temporal}, {"environmental", environmental}} {
			if have, ok := cvss.Number(s.name + "Score"); ok && math.Abs(have-s.want) > 0.01 {
				c.fail(at+"/"+s.name+"Score", "%v, and the vector gives %v", have, s.want)
			}
			if have := cvss.Text(s.name + "Severity"); v.version != "2.0" && have != "" && have != severityOf(s.want) {
				c.fail(at+"/"+s.name+"Severity", "%s, and the vector gives %s", have, severityOf(s.want))
			}
		}
	})
}

// inconsistentCVSS compares the properties with the vector.
func (c *checker) inconsistentCVSS() {
	c.eachCVSS(func(at string, cvss CVSS, _ []string) {
		v, err := parseVector(cvss.Text("version"), cvss.Text("vectorString"))
		if err != nil {
			return // 6.1.8 said so
		}
		for _, m := range v.table {
			have, want := cvss.Text(m.property), "NOT_DEFINED"
			if i := slices.Index(m.values, v.values[m.key]); i >= 0 {
				want = m.names[i]
			}
			if have != "" && have != want {
				c.fail(at+"/"+m.property, "%s, and the vector says %s", have, want)
			}
		}
	})
}

// severityOf is the qualitative scale of CVSS v3, section 5.
func severityOf(score float64) string {
	switch {
	case score < 0.1:
		return "NONE"
	case score < 4:
		return "LOW"
	case score < 7:
		return "MEDIUM"
	case score < 9:
		return "HIGH"
	}
	return "CRITICAL"
}
