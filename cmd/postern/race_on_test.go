//go:build race

package main

// underRace tells the tests to leave what one goroutine does to the run without the
// race detector.
const underRace = true
