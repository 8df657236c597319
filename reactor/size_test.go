package reactor

import (
	"testing"
	"unsafe"
)

// TestConnSize keeps a Conn within its size class: one byte more costs every idle connection 32.
func TestConnSize(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); unsafe.Sizeof(uintptr(0)) == 8 && n > 288 {
		t.Errorf("a Conn takes %d bytes; the class ends at 288", n)
	}
}
