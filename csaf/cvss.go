package csaf

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
