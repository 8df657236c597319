package reactortest

import (
	"sync"
	"testing"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// Op names a system call that can be made to fail.
type Op uint8

// The system calls of a reactor. On the portable engine they are the operations that stand for them.
const (
	Read     = Op(poll.OpRead)     // of a connection
	Write    = Op(poll.OpWrite)    // of a connection: send, writev, sendfile
	Accept   = Op(poll.OpAccept)   // of a listener
	Connect  = Op(poll.OpConnect)  // of a dial
	Register = Op(poll.OpRegister) // epoll_ctl, to add or change
	Close    = Op(poll.OpClose)    // of a connection; it closes all the same, as close(2) does
	Shutdown = Op(poll.OpShutdown) // of a connection: FIN
)

// String is the operation's name, in lower case.
func (o Op) String() string { return poll.Op(o).String() }

// Fault is a script for one operation. It counts the calls of the whole process from when it was made, so tests with
// faults cannot run in parallel with others.
type Fault struct {
	op    Op
	fails func(nth int) bool
	err   error

	mu    sync.Mutex
	calls int
	hits  int
}

// Fail makes the nth op from now on fail with err, once; the first is 1. err is what the system call would return, such as
// syscall.EMFILE. The script ends with the test.
func Fail(t testing.TB, op Op, nth int, err error) *Fault {
	return script(t, op, err, func(n int) bool { return n == nth })
}

// FailEvery makes every nth op fail.
func FailEvery(t testing.TB, op Op, nth int, err error) *Fault {
	return script(t, op, err, func(n int) bool { return n%nth == 0 })
}

// FailFrom makes the nth op and all later ones fail, until Stop or the end of the test.
func FailFrom(t testing.TB, op Op, nth int, err error) *Fault {
	return script(t, op, err, func(n int) bool { return n >= nth })
}

// scripts are the ones that run.
var scripts struct {
	mu  sync.Mutex
	all []*Fault
}

func script(t testing.TB, op Op, err error, fails func(int) bool) *Fault {
	t.Helper()
	f := &Fault{op: op, fails: fails, err: err}
	scripts.mu.Lock()
	scripts.all = append(scripts.all[:len(scripts.all):len(scripts.all)], f)
	install()
	scripts.mu.Unlock()
	t.Cleanup(f.Stop)
	return f
}

// install has the engines ask the scripts that there are now.
func install() {
	if len(scripts.all) == 0 {
		poll.Inject(nil)
		return
	}
	all := scripts.all
	poll.Inject(func(op poll.Op) error { return ask(all, Op(op)) })
}

// ask lets every script count the call. The first that fails decides.
func ask(all []*Fault, op Op) error {
	var err error
	for _, f := range all {
		if e := f.call(op); err == nil {
			err = e
		}
	}
	return err
}

// injected is for what this package does itself, in place of an engine.
func injected(op Op) error {
	scripts.mu.Lock()
	all := scripts.all
	scripts.mu.Unlock()
	return ask(all, op)
}

func (f *Fault) call(op Op) error {
	if op != f.op {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if !f.fails(f.calls) {
		return nil
	}
	f.hits++
	return f.err
}

// Stop ends the script.
func (f *Fault) Stop() {
	scripts.mu.Lock()
	defer scripts.mu.Unlock()
	for i, s := range scripts.all {
		if s == f {
			scripts.all = append(scripts.all[:i:i], scripts.all[i+1:]...)
			install()
			return
		}
	}
}

// Calls is how often the operation was called since the script was made, failures included.
func (f *Fault) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Hits is how often it was made to fail.
func (f *Fault) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}
