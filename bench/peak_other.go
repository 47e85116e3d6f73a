//go:build !unix

package main

import "os"

func forgetPeak() {}

// peak is not known here.
func peak(*os.ProcessState) int64 { return 0 }
