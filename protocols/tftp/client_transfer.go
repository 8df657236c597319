package tftp

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
)

const (
	// clientRoom is what a get holds for its writer, or twice its window, if that is more.
	clientRoom = 128 << 10
	// clientPart is what a put reads at a time.
	clientPart = 64 << 10
)

// clientTransfer is one transfer of a client: a handler on the loop, and the goroutine that called Get or Put.
type clientTransfer struct {
	link
	client  *Client
	options *transfer.Options
	server  netip.AddrPort
	tid     transfer.TID[netip.AddrPort]
	scratch [128]byte

	// The two machines, of which one is used. Loop only, once the endpoint is open.
	sender   transfer.Sender
	receiver transfer.Receiver
	begin    func() error // starts it
	encode   *wire.NetasciiEncoder
	decode   *wire.NetasciiDecoder
	cur      []byte // what is put next
	room     int    // bytes that were delivered and not written yet

	mu      sync.Mutex
	cond    sync.Cond
	opened  bool
	buf     []byte // get: what came; put: what is to be sent, if ready
	last    bool   // get: buf has the end; put: there is no more
	ready   bool   // put: buf is the loop's to take
	over    bool   // nothing more happens
	err     error
	agreed  transfer.Agreement
	stats   transfer.Stats
	settled bool // the server has answered with more than an ERROR
}

// start opens the endpoint, waits for it, and begins.
func (t *clientTransfer) start(ctx context.Context, m machine, begin func() error) (stop func() bool, err error) {
	t.m, t.begin = m, begin
	if err := t.open(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	for !t.opened && !t.over {
		t.cond.Wait()
	}
	end, err := t.end, t.err
	t.mu.Unlock()
	if end == nil || err != nil {
		return nil, err
	}
	end.Post(t.first)
	return context.AfterFunc(ctx, func() {
		end.Post(func() { t.abort(context.Cause(ctx)) })
	}), nil
}

// first makes the request.
func (t *clientTransfer) first() {
	t.peer = t.server
	t.end.InitTimer(&t.timer, func() {
		t.fired(t.end.Now())
		t.drive()
	})
	if err := t.begin(); err != nil {
		t.abort(err)
		return
	}
	t.drive()
}

func (t *clientTransfer) get(ctx context.Context, name string, w io.Writer) error {
	if t.client.Mode == wire.Netascii {
		t.decode = &wire.NetasciiDecoder{}
	}
	stop, err := t.start(ctx, &t.receiver, func() error {
		return t.receiver.Get(&t.client.Transfer, name, t.client.Mode, t.options)
	})
	if err != nil {
		return err
	}
	defer stop()
	var done int64
	for spare := []byte(nil); ; {
		b, last, size, err := t.next(spare)
		if len(b) > 0 {
			n, werr := w.Write(b)
			if done += int64(n); werr == nil && n < len(b) {
				werr = io.ErrShortWrite
			}
			if werr != nil {
				t.end.Post(func() { t.abortCode(wire.CodeDiskFull, werr) })
				t.wait()
				return werr
			}
			t.progress(done, size)
			t.end.Post(func() { t.written(len(b)) })
		}
		if err != nil {
			return err
		}
		if last {
			t.end.Post(func() {
				t.receiver.Commit()
				t.drive()
			})
			return t.wait()
		}
		spare = b[:0]
	}
}

// next waits for bytes.
func (t *clientTransfer) next(spare []byte) (b []byte, last bool, size int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.buf) == 0 && !t.last && !t.over {
		t.cond.Wait()
	}
	b, t.buf = t.buf, spare
	if t.over && !t.last {
		err = t.err
	}
	return b, t.last, t.agreed.Size, err
}

// wait waits for the end.
func (t *clientTransfer) wait() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.over {
		t.cond.Wait()
	}
	return t.err
}

func (t *clientTransfer) progress(done, size int64) {
	if t.client.Progress != nil {
		t.client.Progress(done, size)
	}
}

func (t *clientTransfer) put(ctx context.Context, name string, r io.Reader, size int64) error {
	if t.client.Mode == wire.Netascii {
		t.encode = &wire.NetasciiEncoder{}
	}
	stop, err := t.start(ctx, &t.sender, func() error {
		return t.sender.Put(&t.client.Transfer, name, t.client.Mode, t.options, size)
	})
	if err != nil {
		return err
	}
	defer stop()
	if err := t.waitSettled(); err != nil { // before a byte of r is read, as the request may have to be made again
		return err
	}
	var done int64
	for parts := [2][]byte{make([]byte, clientPart), make([]byte, clientPart)}; ; parts[0], parts[1] = parts[1], parts[0] {
		n, err := io.ReadFull(r, parts[0])
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			t.end.Post(func() { t.abort(err) })
			t.wait()
			return err
		}
		if !t.offer(parts[0][:n], last) {
			return t.wait()
		}
		done += int64(n)
		t.progress(done, size)
		if last {
			return t.wait()
		}
	}
}

// waitSettled waits until the server has taken the request.
func (t *clientTransfer) waitSettled() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.settled && !t.over {
		t.cond.Wait()
	}
	if t.over {
		return t.err
	}
	return nil
}

// offer gives bytes to the loop, when it has taken those before; false if the transfer is over.
func (t *clientTransfer) offer(b []byte, last bool) bool {
	t.mu.Lock()
	for t.ready && !t.over {
		t.cond.Wait()
	}
	if t.over {
		t.mu.Unlock()
		return false
	}
	t.buf, t.last, t.ready = b, last, true
	t.mu.Unlock()
	t.end.Post(t.drive)
	return true
}

// OnOpen is the endpoint's.
func (t *clientTransfer) OnOpen(e *reactor.Endpoint) {
	t.mu.Lock()
	t.end, t.opened = e, true
	t.cond.Broadcast()
	t.mu.Unlock()
}

// OnPacket takes what the server sends. Its first packet says which port the transfer has (RFC 1350 4).
func (t *clientTransfer) OnPacket(e *reactor.Endpoint, p *reactor.Packet) {
	pkt, err := wire.Parse(p.Data)
	if t.begin == nil || t.m == nil || t.m.Outcome() != transfer.Running {
		return
	}
	if _, locked := t.tid.Peer(); !locked && err == nil && p.Peer.Addr() == t.server.Addr() {
		t.tid.Lock(p.Peer)
		t.peer = p.Peer
	}
	own, reply := t.tid.Check(p.Peer, p.Data, t.scratch[:])
	if !own {
		if reply != nil {
			e.Send(reply, p.Peer)
		}
		return
	}
	if err != nil {
		return
	}
	now := e.Now()
	if t.m == machine(&t.sender) {
		t.sender.Handle(&pkt, now)
		t.drive()
		return
	}
	data, last := t.receiver.Handle(&pkt, now)
	if len(data) > 0 || last {
		t.deliver(data, last)
	}
	t.drive()
}

// OnSendError ends a request that cannot even leave.
func (t *clientTransfer) OnSendError(_ *reactor.Endpoint, _ netip.AddrPort, err error) {
	if t.m != nil && !t.m.Answered() {
		t.m.Abort(err)
		t.end.Close()
		t.finish(err)
	}
}

// OnDrain: the reactor ends. A file that has arrived is not in danger; others fail.
func (t *clientTransfer) OnDrain(e *reactor.Endpoint) { e.CloseWith(reactor.ErrShutdown) }

// OnWritable goes on when the socket has room.
func (t *clientTransfer) OnWritable(*reactor.Endpoint) { t.drive() }

// OnClose is the end in any case.
func (t *clientTransfer) OnClose(_ *reactor.Endpoint, err error) {
	if err == nil {
		err = errEnded
	}
	t.finish(err)
}

// deliver gives bytes to the goroutine that writes them.
func (t *clientTransfer) deliver(data []byte, last bool) {
	t.mu.Lock()
	at := len(t.buf)
	if t.decode != nil {
		t.buf = append(t.buf, make([]byte, len(data)+1)...)
		n, _ := t.decode.Transform(t.buf[at:], data)
		if last {
			n += t.decode.Flush(t.buf[at+n:])
		}
		t.buf = t.buf[:at+n]
	} else {
		t.buf = append(t.buf, data...)
	}
	t.room += len(t.buf) - at
	t.last = t.last || last
	t.cond.Broadcast()
	t.mu.Unlock()
	t.end.WokeGoroutine()
	t.space()
}

// written says that n bytes more are with the writer.
func (t *clientTransfer) written(n int) {
	t.room -= n
	t.space()
	t.drive()
}

func (t *clientTransfer) space() {
	t.receiver.SetSpace(max(0, max(clientRoom, 2*t.receiver.WindowBytes())-t.room))
}

// drive does everything that can be done now.
func (t *clientTransfer) drive() {
	if t.m == nil || t.begin == nil || t.end == nil {
		return
	}
	now := t.end.Now()
	put := t.m == machine(&t.sender)
	if put {
		t.fill()
	}
	t.pump(now)
	t.note()
	switch o := t.m.Outcome(); {
	case o != transfer.Running:
		err := t.m.Err()
		t.finish(err)
		t.end.Close()
	case !put && t.receiver.Committed():
		t.finish(nil) // the last ACK was sent; the endpoint stays to repeat it
	}
}

// note keeps what others may see.
func (t *clientTransfer) note() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.agreed, t.stats = t.m.Agreed(), t.m.Stats()
	if !t.settled && t.m.Answered() && t.m.Outcome() == transfer.Running {
		t.settled = true
		t.cond.Broadcast()
		t.end.WokeGoroutine()
	}
}

// fill gives the sender what there is.
func (t *clientTransfer) fill() {
	for t.sender.Space() > 0 {
		if len(t.cur) == 0 {
			t.mu.Lock()
			if !t.ready {
				t.mu.Unlock()
				return
			}
			if len(t.buf) == 0 {
				last := t.last
				t.mu.Unlock()
				if last {
					if t.encode != nil && t.encode.Pending() {
						translate(&t.sender, t.encode, nil)
						continue
					}
					t.sender.Finish()
				}
				return
			}
			t.cur, t.buf = t.buf, nil
			t.mu.Unlock()
		}
		if t.encode != nil {
			t.cur = t.cur[translate(&t.sender, t.encode, t.cur):]
		} else {
			t.cur = t.cur[t.sender.Write(t.cur):]
		}
		if len(t.cur) == 0 {
			t.mu.Lock()
			if !t.last {
				t.ready = false
				t.cond.Broadcast()
				t.end.WokeGoroutine()
			}
			t.mu.Unlock()
		}
	}
}

func (t *clientTransfer) abort(err error) { t.abortCode(wire.CodeOf(err), err) }

// abortCode ends the transfer and tells the server.
func (t *clientTransfer) abortCode(code wire.ErrorCode, err error) {
	t.m.AbortCode(code, err)
	t.pump(t.end.Now())
	t.finish(err)
	t.end.Close()
}

// finish says how it ended, once.
func (t *clientTransfer) finish(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.over, t.err = true, err
	t.cond.Broadcast()
	if t.end != nil {
		t.end.WokeGoroutine()
	}
}

// optionsRefused says whether the server has answered the options with an ERROR that may go away without them: 8, or
// what servers say that do not know it.
func (t *clientTransfer) optionsRefused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	var remote *wire.RemoteError
	if t.settled || !errors.As(t.err, &remote) {
		return false
	}
	return remote.Code == wire.CodeOption || remote.Code == wire.CodeIllegal
}

func (t *clientTransfer) result() *Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Result{Agreed: t.agreed, Stats: t.stats}
}
