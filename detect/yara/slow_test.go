//go:build !race

package yara

// slowly is how much longer a scan may take than it may usually.
const slowly = 2
