package http1

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"syscall"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

const (
	// smallRequest is the size up to which a body that is in memory goes out with the head, in one write.
	smallRequest = 64 << 10
	// sendChunk is how much of another body is read at a time.
	sendChunk = 32 << 10
)

var sendBuffers = sync.Pool{New: func() any { b := make([]byte, sendChunk); return &b }}

// run sends a request on cc and waits for the head of the response. sent says whether anything may have been sent.
func (x *syncCall) run(cc *ClientConn, o *outgoing) (res *http.Response, sent bool, err error) {
	var first []byte
	if o.small {
		mem := smallSends.Get().(*[]byte)
		defer smallSends.Put(mem)
		if first, err = readSmall(o, (*mem)[:0]); err != nil {
			cc.giveBack()
			return nil, false, err
		}
		*mem = first
	}
	x.sentAll = o.body == nil || o.small
	if err := cc.Send(&x.call, &o.q, first, x); err != nil {
		if !errors.Is(err, ErrConnOver) && !errors.Is(err, ErrConnBusy) {
			cc.giveBack()
			if o.body != nil {
				o.body.Close()
			}
		}
		return nil, false, err
	}
	if !x.sentAll {
		if err := cc.c.Offload(func() { x.sendBody(o) }); err != nil {
			x.call.Abort(err)
			o.body.Close()
			return nil, true, err
		}
	}
	if err := x.await(x.ctx); err != nil {
		return nil, true, err
	}
	return &x.resp, true, nil
}

var smallSends = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// readSmall reads a whole body that is in memory.
func readSmall(o *outgoing, b []byte) ([]byte, error) {
	defer o.body.Close()
	n := int(o.q.Length)
	if cap(b) < n {
		b = make([]byte, 0, n)
	}
	got, err := io.ReadFull(o.body, b[:n])
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return nil, ErrBodyLength
	case err != nil:
		return nil, err
	}
	var more [1]byte
	if k, _ := o.body.Read(more[:]); k > 0 {
		return nil, ErrBodyLength
	}
	return b[:got], nil
}

// sendBody reads the request's body and sends it, on a worker. It stops when the call is over: an early response that ends it is
// as good as any.
func (x *syncCall) sendBody(o *outgoing) {
	defer o.body.Close()
	if o.q.Expect && !x.mayProceed() {
		return
	}
	mem := sendBuffers.Get().(*[]byte)
	defer sendBuffers.Put(mem)
	left := o.q.Length
	for {
		n, err := o.body.Read(*mem)
		if n > 0 {
			if left >= 0 && int64(n) > left {
				x.fail(ErrBodyLength)
				return
			}
			if left >= 0 {
				left -= int64(n)
			}
			if !x.sendPiece((*mem)[:n]) {
				return
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			x.fail(err)
			return
		}
	}
	if left > 0 {
		x.fail(ErrBodyLength)
		return
	}
	x.call.Finish(trailersOf(x.req.Trailer))
	x.mu.Lock()
	x.sentAll = true
	x.wake(x.reader) // whose clock begins now
	x.mu.Unlock()
}

func trailersOf(h http.Header) (all []wire.Field) {
	for name, values := range h {
		for _, v := range values {
			all = append(all, wire.Field{Name: name, Value: v})
		}
	}
	return all
}

// sendPiece sends bytes of the body and waits until more may follow; false if the call is over.
func (x *syncCall) sendPiece(p []byte) bool {
	x.mu.Lock()
	x.full = true
	x.mu.Unlock()
	full, err := x.call.Write(p)
	if err != nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for full && x.full && !x.done && x.err == nil {
		if x.sleep(&x.sender, x.ctx.Done(), forever) == errCanceled {
			x.giveUp(x.ctx.Err())
		}
	}
	return !x.done && x.err == nil
}

// mayProceed waits for 100 (Continue), as long as ContinueTimeout (RFC 9110 section 10.1.1); false if a final response came
// first, and then the body is not wanted.
func (x *syncCall) mayProceed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for !x.proceed && !x.headed && x.err == nil {
		switch x.sleep(&x.sender, x.ctx.Done(), x.cl.set.proceed) {
		case errExpired:
			return x.err == nil && !x.headed
		case errCanceled:
			x.giveUp(x.ctx.Err())
		}
	}
	return x.proceed && x.err == nil
}

// fail ends a request whose body cannot be sent: the server must not take what it got for all.
func (x *syncCall) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.giveUp(err)
}

// giveBack puts a connection that was not used back into its pool.
func (cc *ClientConn) giveBack() {
	cc.c.Post(func() {
		if cc.OnIdle != nil && cc.front() == nil && cc.phase == clientHead && !cc.wasOver {
			cc.OnIdle(cc)
		}
	})
}

// isReset says whether the peer has broken a connection off.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
