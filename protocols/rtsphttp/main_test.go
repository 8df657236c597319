package rtsphttp

import (
	"os"
	"testing"

	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) { // a process of its own, for the load
	case "camera":
		cameraRole()
		return
	case "viewers":
		viewersRole()
		return
	}
	reactortest.Main(m)
}
