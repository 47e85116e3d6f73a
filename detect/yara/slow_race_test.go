//go:build race

package yara

const slowly = 20
