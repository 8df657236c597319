//go:build portable || !linux

package websocket_test

// portableEngine says that a connection has a goroutine of its own.
const portableEngine = true
