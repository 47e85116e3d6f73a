//go:build !race

package postern_test

const underRace = false
