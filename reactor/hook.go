package reactor

import (
	"github.com/calandria-go/calandria/reactor/internal/hook"
	"github.com/calandria-go/calandria/reactor/internal/poll"
)

func init() {
	hook.New = func(engine poll.Engine, cfg any, poison bool) any { return newReactor(engine, cfg.(Config), poison) }
	hook.Forget = func(l poll.Loop) {
		owned.mu.Lock()
		defer owned.mu.Unlock()
		delete(owned.loops, l)
	}
}
