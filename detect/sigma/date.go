package sigma

import "time"

// layouts of the dates that logs write. Zones are not converted: "It is not
// designed to handle timezone or format conversions" (Time modifiers).
var layouts = []string{
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006/01/02 15:04:05", "02/Jan/2006:15:04:05",
	"2006-01-02", "15:04:05",
}

// datePart reads one part of a date or time of day.
func datePart(text []byte, part string) (float64, bool) {
	for _, layout := range layouts {
		if len(text) < len(layout) {
			continue
		}
		t, err := time.Parse(layout, string(text[:len(layout)]))
		if err != nil {
			continue
		}
		if t.Year() == 0 && part != "hour" && part != "minute" || len(layout) == len("2006-01-02") && (part == "hour" || part == "minute") {
			return 0, false
		}
		return partOf(t, part), true
	}
	return 0, false
}

func partOf(t time.Time, part string) float64 {
	switch part {
	case "minute":
		return float64(t.Minute())
	case "hour":
		return float64(t.Hour())
	case "day":
		return float64(t.Day())
	case "week":
		_, week := t.ISOWeek()
		return float64(week)
	case "month":
		return float64(t.Month())
	}
	return float64(t.Year())
}
