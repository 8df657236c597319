package poll

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
)

var (
	loopIDsMu sync.RWMutex
	loopIDs   = map[uint64]struct{}{}
)

// GoroutineID is the calling goroutine's id, read from its own stack header: about a microsecond, so it is asked only
// where a call would have to wait.
func GoroutineID() uint64 {
	var buf [64]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		b = b[:i]
	}
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}

// OnLoop says whether the caller is the goroutine of any loop.
func OnLoop() bool {
	id := GoroutineID()
	loopIDsMu.RLock()
	defer loopIDsMu.RUnlock()
	_, ok := loopIDs[id]
	return ok
}

func registerLoop(id uint64) {
	loopIDsMu.Lock()
	loopIDs[id] = struct{}{}
	loopIDsMu.Unlock()
}

func unregisterLoop(id uint64) {
	loopIDsMu.Lock()
	delete(loopIDs, id)
	loopIDsMu.Unlock()
}
