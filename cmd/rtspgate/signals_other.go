//go:build !unix

package main

import "os"

var more []os.Signal

func reloads(os.Signal) bool { return false }
