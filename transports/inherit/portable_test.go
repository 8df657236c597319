//go:build unix && portable

package inherit_test

import (
	"errors"
	"testing"

	"github.com/calandria-go/calandria/transports/inherit"
)

// TestNoDescriptor: the sockets of the portable engine cannot be passed on, and Restart says so before it starts anything.
func TestNoDescriptor(t *testing.T) {
	ln, err := inherit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	defer inherit.Forget(ln)
	if pid, err := inherit.Restart(t.Context(), inherit.Successor{}); !errors.Is(err, inherit.ErrNoDescriptor) || pid != 0 {
		t.Errorf("%d, %v", pid, err)
	}
}
