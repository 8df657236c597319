//go:build !portable

package http1_test

// engineTag is what builds other programs for the engine that is under test.
const engineTag = ""
