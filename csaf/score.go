package csaf

import "math"

// weights are the numbers behind the values (CVSS v3.1 section 7.4, v2 guide
// section 3.2.1). A value that is not listed weighs 1: not defined, or high.
var weightsV3 = map[string]map[string]float64{
	"AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
	"AC": {"L": 0.77, "H": 0.44},
	"PR": {"N": 0.85, "L": 0.62, "H": 0.27},
	"UI": {"N": 0.85, "R": 0.62},
	"C":  {"H": 0.56, "L": 0.22, "N": 0}, "I": {"H": 0.56, "L": 0.22, "N": 0}, "A": {"H": 0.56, "L": 0.22, "N": 0},
	"E":  {"U": 0.91, "P": 0.94, "F": 0.97},
	"RL": {"O": 0.95, "T": 0.96, "W": 0.97},
	"RC": {"U": 0.92, "R": 0.96},
	"CR": {"L": 0.5, "H": 1.5}, "IR": {"L": 0.5, "H": 1.5}, "AR": {"L": 0.5, "H": 1.5},
}

// changedPR replaces the weights of PR where the scope changes.
var changedPR = map[string]float64{"N": 0.85, "L": 0.68, "H": 0.5}

var weightsV2 = map[string]map[string]float64{
	"AV": {"L": 0.395, "A": 0.646, "N": 1},
	"AC": {"H": 0.35, "M": 0.61, "L": 0.71},
	"Au": {"M": 0.45, "S": 0.56, "N": 0.704},
	"C":  {"N": 0, "P": 0.275, "C": 0.660}, "I": {"N": 0, "P": 0.275, "C": 0.660}, "A": {"N": 0, "P": 0.275, "C": 0.660},
	"E":   {"U": 0.85, "POC": 0.9, "F": 0.95},
	"RL":  {"OF": 0.87, "TF": 0.90, "W": 0.95},
	"RC":  {"UC": 0.90, "UR": 0.95},
	"CDP": {"N": 0, "L": 0.1, "LM": 0.3, "MH": 0.4, "H": 0.5, "ND": 0, "": 0},
	"TD":  {"N": 0, "L": 0.25, "M": 0.75},
	"CR":  {"L": 0.5, "H": 1.51}, "IR": {"L": 0.5, "H": 1.51}, "AR": {"L": 0.5, "H": 1.51},
}

func weight(table map[string]map[string]float64, key, value string) float64 {
	if w, ok := table[key][value]; ok {
		return w
	}
	return 1
}

// scores computes the three scores. Without temporal or environmental metrics
// those equal the one before.
func (v *vector) scores() (base, temporal, environmental float64) {
	if v.version == "2.0" {
		return v.scoresV2()
	}
	own := func(key string) string { return v.values[key] }
	modified := func(key string) string {
		if m := v.values["M"+key]; m != "" && m != "X" {
			return m
		}
		return v.values[key]
	}
	late := weight(weightsV3, "E", v.values["E"]) * weight(weightsV3, "RL", v.values["RL"]) * weight(weightsV3, "RC", v.values["RC"])
	base = v.equationV3(own, false)
	return base, roundUp(base * late), roundUp(v.equationV3(modified, true) * late)
}

// equationV3 is the base equation, and with required the modified one (CVSS
// v3.1 sections 7.1 and 7.3; v3.0 section 8 differs in the exponent).
func (v *vector) equationV3(value func(string) string, required bool) float64 {
	w := func(key string) float64 { return weight(weightsV3, key, value(key)) }
	need := func(key string) float64 {
		if !required {
			return 1
		}
		return weight(weightsV3, key, v.values[key])
	}
	impactBase := 1 - (1-w("C")*need("CR"))*(1-w("I")*need("IR"))*(1-w("A")*need("AR"))
	if required {
		impactBase = min(impactBase, 0.915)
	}
	changed := value("S") == "C"
	privileges := w("PR")
	impact := 6.42 * impactBase
	if changed {
		privileges = changedPR[value("PR")]
		last := math.Pow(impactBase-0.02, 15)
		if required && v.version == "3.1" {
			last = math.Pow(impactBase*0.9731-0.02, 13)
		}
		impact = 7.52*(impactBase-0.029) - 3.25*last
	}
	if impact <= 0 {
		return 0
	}
	sum := impact + 8.22*w("AV")*w("AC")*privileges*w("UI")
	if changed {
		sum *= 1.08
	}
	return roundUp(min(sum, 10))
}

// roundUp is the function of CVSS v3.1 appendix A, which does not stumble over
// binary fractions; v3.0 means the same.
func roundUp(x float64) float64 {
	n := int(math.Round(x * 100_000))
	if n%10_000 == 0 {
		return float64(n) / 100_000
	}
	return float64(n/10_000+1) / 10
}

// scoresV2 is the v2 guide, sections 3.2.1 to 3.2.3.
func (v *vector) scoresV2() (base, temporal, environmental float64) {
	w := func(key string) float64 { return weight(weightsV2, key, v.values[key]) }
	late := w("E") * w("RL") * w("RC")
	exploitability := 20 * w("AV") * w("AC") * w("Au")
	equation := func(impact float64) float64 {
		if impact == 0 {
			return 0
		}
		return roundTenth((0.6*impact + 0.4*exploitability - 1.5) * 1.176)
	}
	base = equation(10.41 * (1 - (1-w("C"))*(1-w("I"))*(1-w("A"))))
	adjusted := equation(min(10, 10.41*(1-(1-w("C")*w("CR"))*(1-w("I")*w("IR"))*(1-w("A")*w("AR")))))
	adjusted = roundTenth(adjusted * late)
	return base, roundTenth(base * late), roundTenth((adjusted + (10-adjusted)*w("CDP")) * w("TD"))
}

func roundTenth(x float64) float64 { return math.Round(x*10) / 10 }
