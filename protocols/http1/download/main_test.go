package download_test

import (
	"os"
	"testing"

	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) {
	if os.Getenv("DOWNLOAD_CHILD") != "" {
		child()
		return
	}
	reactortest.Main(m)
}
