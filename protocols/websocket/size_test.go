package websocket

import (
	"reflect"
	"testing"
)

// TestConnSize keeps a connection in its size class: the next one costs 32 bytes for every connection.
func TestConnSize(t *testing.T) {
	if n := reflect.TypeFor[Conn]().Size(); n > 256 {
		t.Errorf("a Conn has %d bytes", n)
	}
}
