// Package browser drives a Chromium without a window in tests, by the DevTools protocol over a pair of pipes: JSON with a NUL behind
// each message. All of it is behind the build tag interop.
package browser
