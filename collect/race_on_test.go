//go:build race

package collect

// underRace tells a test of very many files to leave it to the run without the race
// detector.
const underRace = true
