package poll

import "sync/atomic"

// Op names a system call for fault injection.
type Op uint8

// The operations that can be made to fail.
const (
	OpRead Op = iota
	OpWrite
	OpAccept
	OpConnect
	OpRegister
	OpClose
	OpShutdown
	NumOps
)

var opNames = [NumOps]string{"read", "write", "accept", "connect", "register", "close", "shutdown"}

// String is the operation's name.
func (o Op) String() string { return opNames[o] }

var injector atomic.Pointer[func(Op) error]

// Inject makes f decide, before each operation of every engine, whether it fails and with what; nil ends it. For tests.
// It costs the hot path one load. An OpClose that fails still closes: there is no other way not to leak.
func Inject(f func(Op) error) {
	if f == nil {
		injector.Store(nil)
		return
	}
	injector.Store(&f)
}

func fault(o Op) error {
	if f := injector.Load(); f != nil {
		return (*f)(o)
	}
	return nil
}
