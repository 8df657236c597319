// Package hook is the back door of package reactor for reactortest, which has to choose the engine.
package hook

import "github.com/calandria-go/calandria/reactor/internal/poll"

// New is reactor.New on a chosen engine: cfg is a reactor.Config, the result a *reactor.Reactor. With poison the loops
// overwrite their scratch buffer after each OnData.
var New func(engine poll.Engine, cfg any, poison bool) any

// Forget drops what the reactor keeps for a loop that has ended.
var Forget func(l poll.Loop)
