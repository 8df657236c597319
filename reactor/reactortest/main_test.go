package reactortest

import (
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv(failing) != "" {
		leakWait = 10 * time.Millisecond // the leaks are on purpose
	}
	Main(m)
}
