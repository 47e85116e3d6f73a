//go:build race

package postern_test

// underRace tells the tests that do the same work hundreds of times to leave it
// to the run without the race detector.
const underRace = true
