package reactor

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// The memory budget: what the process has in use is looked at every memoryEvery. Above Config.MemoryLimit connections are
// refused; further above, or for longer, idle ones are closed, the oldest first; then those with the most unsent bytes. It
// ends below memoryLeave of the limit, so that it does not go to and fro.

const (
	memoryEvery = 200 * time.Millisecond
	// memoryGC bounds how often the budget asks for a collection: what was let go of shows only after one.
	memoryGC = time.Second
	// memoryLeave, memoryIdle and memoryQueue are shares of the limit, in percent.
	memoryLeave = 95
	memoryIdle  = 105
	memoryQueue = 110
	// idleAfter and queueAfter are how long the limit may be passed by less before the same is done.
	idleAfter  = 2 * time.Second
	queueAfter = 4 * time.Second
)

// Levels of MemoryStats.
const (
	// MemoryFine: below the limit.
	MemoryFine = iota
	// MemoryRefuse: connections are refused when they are accepted.
	MemoryRefuse
	// MemoryCloseIdle: and idle ones are closed.
	MemoryCloseIdle
	// MemoryAbort: and those with the most unsent bytes are aborted.
	MemoryAbort
)

// MemoryStats are what the memory budget has seen and done.
type MemoryStats struct {
	// Limit is Config.MemoryLimit or its default; 0: none.
	Limit int64
	// Used is what was in use when it was last looked at: live objects, stacks, and the runtime's own.
	Used int64
	// Level is one of MemoryFine, MemoryRefuse, MemoryCloseIdle and MemoryAbort.
	Level int
	// Refused counts the connections that were refused when they were accepted, Idle those closed with ErrMemoryIdle, Aborted
	// those with ErrMemory.
	Refused, Idle, Aborted uint64
}

// Errors of the memory budget.
var (
	// ErrMemoryIdle: the connection was idle, and the process over its memory budget.
	ErrMemoryIdle error = &reasonError{"reactor: idle, and the process is over its memory budget", "memory_idle", nil}
	// ErrMemory: the connection had much unsent, and the process was over its memory budget.
	ErrMemory error = &reasonError{"reactor: much unsent, and the process is over its memory budget", "memory", nil}
)

// IdleHandler is for handlers that know when nothing is in progress: such connections may be closed to save memory. One whose
// handler is none is never taken for idle.
type IdleHandler interface {
	// Idle says whether the connection could be closed without harm. It is called on the loop, outside of any hook.
	Idle() bool
}

// memory is the budget of a reactor.
type memory struct {
	limit    int64
	measure  func() (used int64, cycles uint64) // runtimeMemory, but for tests
	collect  func()
	used     atomic.Int64
	level    atomic.Int32
	refused  atomic.Uint64
	idle     atomic.Uint64
	aborted  atomic.Uint64
	over     time.Time // since when; the watcher's own, like what follows
	acted    uint64    // the collection after which it closed connections
	lastGC   time.Time
	sampling []metrics.Sample
}

// MemoryStats gives the state of the memory budget. Any goroutine. It costs nothing.
func (r *Reactor) MemoryStats() MemoryStats {
	m := &r.memory
	return MemoryStats{
		Limit: m.limit, Used: m.used.Load(), Level: int(m.level.Load()),
		Refused: m.refused.Load(), Idle: m.idle.Load(), Aborted: m.aborted.Load(),
	}
}

// initMemory starts the budget, if there is one.
func (r *Reactor) initMemory(derive bool) {
	m := &r.memory
	switch limit := r.cfg.MemoryLimit; {
	case limit > 0:
		m.limit = limit
	case limit == 0 && derive:
		m.limit = defaultMemoryLimit(debug.SetMemoryLimit(-1), cgroupLimit())
	}
	m.measure = m.runtimeMemory
	m.collect = func() {
		runtime.GC()
		runtime.GC() // pools let go of what the queues were made of in the second
	}
	if m.limit > 0 {
		go r.watchMemory()
	}
}

func (r *Reactor) watchMemory() {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.stopWatch:
			return
		case now := <-tick.C:
			r.checkMemory(now)
		}
	}
}

// checkMemory is one look.
func (r *Reactor) checkMemory(now time.Time) {
	m := &r.memory
	used, cycles := m.measure()
	if used > m.limit && now.Sub(m.lastGC) >= memoryGC {
		m.lastGC = now
		m.collect() // else what was let go of since the last one would go on counting
		used, cycles = m.measure()
	}
	m.used.Store(used)
	level := m.next(now, used)
	if old := int(m.level.Swap(int32(level))); old != level {
		r.cfg.Logger.Warn("reactor: memory budget", "level", level, "before", old, "used", used, "limit", m.limit)
	}
	if level < MemoryCloseIdle || m.acted > 0 && cycles < m.acted+2 { // what was done last does not show yet
		return
	}
	m.acted = cycles
	r.shed(level, used-m.limit*memoryLeave/100)
}

// next is the level for what is in use now.
func (m *memory) next(now time.Time, used int64) int {
	level := int(m.level.Load())
	switch {
	case used < m.limit*memoryLeave/100 || used <= m.limit && level == MemoryFine:
		m.over = time.Time{}
		return MemoryFine
	case used <= m.limit:
		m.over = now // it is getting better: wait before more is done
		return MemoryRefuse
	case m.over.IsZero():
		m.over = now
	}
	switch long := now.Sub(m.over); {
	case used > m.limit*memoryQueue/100 || long >= queueAfter:
		return MemoryAbort
	case used > m.limit*memoryIdle/100 || long >= idleAfter:
		return MemoryCloseIdle
	}
	return MemoryRefuse
}

// overMemory says whether a connection is to be refused, and counts it.
func (r *Reactor) overMemory() bool {
	if r.memory.level.Load() == MemoryFine {
		return false
	}
	r.memory.refused.Add(1)
	return true
}

const (
	metricTotal = iota
	metricReleased
	metricObjects
	metricUnused
	metricFree
	metricLive
	metricCycles
)

// runtimeMemory is what the last collection found alive, and what is not for objects: stacks and the runtime's own. Garbage
// does not count: it is the collector's business, which has a limit of its own in GOMEMLIMIT.
func (m *memory) runtimeMemory() (used int64, cycles uint64) {
	if m.sampling == nil {
		for _, name := range []string{
			metricTotal: "/memory/classes/total:bytes", metricReleased: "/memory/classes/heap/released:bytes",
			metricObjects: "/memory/classes/heap/objects:bytes", metricUnused: "/memory/classes/heap/unused:bytes",
			metricFree: "/memory/classes/heap/free:bytes", metricLive: "/gc/heap/live:bytes", metricCycles: "/gc/cycles/total:gc-cycles",
		} {
			m.sampling = append(m.sampling, metrics.Sample{Name: name})
		}
	}
	metrics.Read(m.sampling)
	v := func(i int) int64 { return int64(m.sampling[i].Value.Uint64()) }
	other := v(metricTotal) - v(metricReleased) - v(metricObjects) - v(metricUnused) - v(metricFree)
	return v(metricLive) + max(other, 0), m.sampling[metricCycles].Value.Uint64()
}
