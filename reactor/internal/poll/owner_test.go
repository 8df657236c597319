package poll

import "sync"

// countingOwner runs posted functions at the end of a batch.
type countingOwner struct {
	mu      sync.Mutex
	tasks   []func()
	batches int
}

func newCountingOwner() *countingOwner { return &countingOwner{} }

func (o *countingOwner) BatchStart() {
	o.mu.Lock()
	o.batches++
	o.mu.Unlock()
}

func (o *countingOwner) BatchEnd() {
	o.mu.Lock()
	tasks := o.tasks
	o.tasks = nil
	o.mu.Unlock()
	for _, f := range tasks {
		f()
	}
}

// run has f run at the end of a batch, and waits for it.
func (o *countingOwner) run(l Loop, f func()) {
	done := make(chan struct{})
	o.mu.Lock()
	o.tasks = append(o.tasks, func() { defer close(done); f() })
	o.mu.Unlock()
	l.Wake()
	<-done
}
