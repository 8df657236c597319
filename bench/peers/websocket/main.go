// Command websocket serves /echo, which answers each message with itself, and /broadcast, which sends each message to all that are
// connected there, with the library that -lib names, as its own examples do it.
package main

import (
	"flag"
	"log"
	"sync"

	"github.com/calandria-go/calandria/bench/peers/control"
)

// library serves on addr until it fails, with compression or without.
type library func(addr string, deflate bool) error

var libraries = map[string]library{
	"gws": serveGws, "nbio": serveNbio, "gorilla": serveGorilla, "coder": serveCoder, "gobwas": serveGobwas,
}

func main() {
	name := flag.String("lib", "gws", "gws, nbio, gorilla, coder or gobwas")
	deflate := flag.Bool("deflate", false, "agree on permessage-deflate")
	addr := control.Start()
	serve, ok := libraries[*name]
	if !ok {
		log.Fatalf("no library %q", *name)
	}
	control.Must(serve(addr, *deflate))
}

// maxMessage is what each library is told to take.
const maxMessage = 16 << 20

// room is who is connected at /broadcast.
type room[C comparable] struct {
	mu  sync.Mutex
	all map[C]struct{}
}

func (r *room[C]) join(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[C]struct{}{}
	}
	r.all[c] = struct{}{}
}

func (r *room[C]) leave(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, c)
}

func (r *room[C]) each(f func(C)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.all {
		f(c)
	}
}
