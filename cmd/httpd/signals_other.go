//go:build !unix

package main

import "os"

var more []os.Signal

func action(os.Signal) string { return "stop" }
