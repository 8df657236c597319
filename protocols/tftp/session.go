package tftp

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
)

// session is one transfer of a server, from its request on. Loop only.
type session struct {
	link
	hub    *hub
	id     uint64
	req    Request
	raw    []byte // the request, until the machine has it
	sum    uint64 // of the request
	began  time.Time
	heard  time.Time // when the client last sent something
	cancel context.CancelFunc
	size   int64 // of the file, if it is known; -1
	out    *reading
	in     *writing
	err    error // why, if no machine knows
	own    bool  // it has an endpoint of its own
	queued bool  // in hub.waiting
	told   bool  // its end was reported
	gone   bool
}

// open has a worker find what is asked for.
func (s *session) open(e *reactor.Endpoint) {
	s.end = e
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	e.InitTimer(&s.timer, func() { s.refuse(errOpenTimeout) })
	if limit := s.hub.server.OpenTimeout; limit > 0 {
		s.timer.Reset(limit)
	}
	req := s.req // the worker's own
	err := e.Offload(func() { s.ask(ctx, e, &req) })
	if err != nil {
		s.refuse(errOverload)
	}
}

// ask runs on a worker.
func (s *session) ask(ctx context.Context, e *reactor.Endpoint, req *Request) {
	srv := s.hub.server
	ready := func(c Content, w Writer, err error) {
		if !e.Post(func() { s.opened(req.Name, c, w, err) }) {
			discard(c, w)
		}
	}
	err := srv.guard("Rewrite", func() error {
		if srv.Rewrite == nil {
			return nil
		}
		name, err := srv.Rewrite(req)
		req.Name = name
		return err
	})
	if err == nil && req.Write {
		err = srv.guard("Sink", func() error {
			srv.Sink.Create(ctx, req, func(w Writer, err error) { ready(nil, w, err) })
			return nil
		})
	} else if err == nil {
		err = srv.guard("Source", func() error {
			srv.Source.Open(ctx, req, func(c Content, err error) { ready(c, nil, err) })
			return nil
		})
	}
	if err != nil {
		ready(nil, nil, err)
	}
}

// guard runs what others wrote. A panic costs one transfer.
func (s *Server) guard(what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.Logger.Error("tftp: "+what+" panicked", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return f()
}

func discard(c Content, w Writer) {
	if c != nil {
		c.Close()
	}
	if w != nil {
		w.Abort()
	}
}

// opened is the back-end's answer.
func (s *session) opened(name string, c Content, w Writer, err error) {
	if s.gone || s.out != nil || s.in != nil {
		s.inBackground(func() { discard(c, w) })
		return
	}
	s.timer.Stop()
	s.req.Name = name
	if err == nil && c == nil && w == nil {
		err = errPanic
	}
	if err != nil {
		s.refuse(err)
		return
	}
	if c != nil {
		s.out = newReading(s, c)
		s.size = c.Size()
	} else {
		s.in = newWriting(s, w)
	}
	if s.hub.server.SinglePort {
		s.start(s.end)
		return
	}
	if err := s.hub.openPort(s); err != nil {
		s.hub.server.Logger.Warn("tftp: no socket for a transfer", "err", err)
		s.refuse(err)
	}
}

// start begins the transfer on its endpoint.
func (s *session) start(e *reactor.Endpoint) {
	if s.gone {
		e.Close()
		return
	}
	s.own = e != s.end
	s.end = e
	e.InitTimer(&s.timer, s.onTimer)
	pkt, err := wire.Parse(s.raw)
	if err != nil {
		s.refuse(err)
		return
	}
	cfg := &s.hub.server.cfg
	if s.out != nil {
		s.out.sender.Serve(cfg, &pkt, s.size)
		s.m = &s.out.sender
		s.warn()
	} else {
		s.in.receiver.Serve(cfg, &pkt)
		s.m = &s.in.receiver
		s.in.space()
	}
	s.raw = nil
	s.drive()
}

// maxBlocks is how many blocks many boot programs can count.
const maxBlocks = 65535

// warn tells the operator of a file that some clients cannot read at this block size.
func (s *session) warn() {
	block := int64(s.m.Agreed().BlockSize)
	if s.size/block+1 > maxBlocks {
		s.hub.server.Logger.Warn("tftp: the file has more than 65,535 blocks: some boot programs stop there; a larger blksize would do",
			"client", s.peer, "file", s.req.Name, "size", s.size, "blksize", block)
	}
}

func (s *session) onTimer() {
	now := s.end.Now()
	s.fired(now)
	if !s.stall.IsZero() && !now.Before(s.stall) {
		s.stall = time.Time{}
		s.fail(errStalled)
		return
	}
	s.drive()
}

// waits says that a back-end has something to do, and until when; or that it has done it.
func (s *session) waits(yes bool) {
	s.stall = time.Time{}
	if limit := s.hub.server.OpenTimeout; yes && limit > 0 {
		s.stall = s.end.Now().Add(limit)
	}
}

// handle takes a packet of the client.
func (s *session) handle(p *wire.Packet) {
	now := s.end.Now()
	s.heard = now
	switch {
	case s.m == nil && p.Op == wire.OpError:
		s.err = wire.NewRemoteError(p)
		s.finish()
		return
	case s.m == nil:
		return
	case s.out != nil:
		s.out.sender.Handle(p, now)
	default:
		s.in.take(s.in.receiver.Handle(p, now))
	}
	s.drive()
}

// repeat takes a repetition of the request.
func (s *session) repeat() {
	switch {
	case s.m == nil:
		return
	case s.out != nil:
		s.out.sender.Repeat()
	default:
		s.in.receiver.Repeat()
	}
	s.drive()
}

// drive does everything that can be done now.
func (s *session) drive() {
	if s.gone || s.m == nil {
		return
	}
	now := s.end.Now()
	if s.out != nil {
		s.out.fill()
	}
	s.pump(now)
	if s.full && !s.own && !s.queued {
		s.queued = true
		s.hub.waiting = append(s.hub.waiting, s)
	}
	if s.in != nil && s.in.receiver.Committed() {
		s.tell() // the client may still ask for the last ACK
	}
	if s.m.Outcome() != transfer.Running {
		s.finish()
	}
}

// ended says whether the client has all, or nothing more to expect.
func (s *session) ended() bool { return s.told || s.m != nil && s.m.Outcome() != transfer.Running }

// refuse answers the request with an ERROR.
func (s *session) refuse(err error) {
	if s.gone {
		return
	}
	s.err = err
	s.end.SendFrom(wire.AppendError(s.hub.scratch[:0], codeOf(err)), s.peer, s.local)
	s.finish()
}

// fail ends a transfer that is under way with an ERROR.
func (s *session) fail(err error) {
	if s.m == nil {
		s.refuse(err)
		return
	}
	s.m.AbortCode(codeOf(err), err)
	s.drive()
}

func (s *session) abort(err error) {
	if !s.gone {
		s.fail(err)
		s.finish() // also if the ERROR could not be sent
	}
}

// replaced ends it without a word: an ERROR would end the transfer that the client has begun from the same port.
func (s *session) replaced() {
	s.err = errReplaced
	s.finish()
}

// info is how the transfer stands.
func (s *session) info() Info {
	t := Info{
		ID: s.id, Request: s.req, Begin: s.began, Took: s.end.Now().Sub(s.began), Size: s.size, Err: s.err, Outcome: transfer.Failed,
		Agreed: transfer.Agreement{BlockSize: wire.DefaultBlockSize, WindowSize: 1, Size: -1},
	}
	if s.m != nil {
		t.Agreed, t.Stats = s.m.Agreed(), s.m.Stats()
		if s.err == nil {
			t.Outcome, t.Err = s.m.Outcome(), s.m.Err()
		}
		if s.in != nil && s.in.receiver.Committed() {
			t.Outcome = transfer.Completed
		}
	} else if s.err == nil {
		t.Outcome = transfer.Running
	}
	if s.in != nil {
		t.Size = s.req.Size
	}
	t.Reason = reasonOf(t.Err)
	return t
}

// tell reports the end, once.
func (s *session) tell() {
	if s.told {
		return
	}
	s.told = true
	srv := s.hub.server
	srv.counts.active.Add(-1)
	t := s.info()
	srv.count(&t)
	if srv.OnEnd != nil {
		srv.OnEnd(&t)
	}
}

// finish lets go of everything.
func (s *session) finish() {
	if s.gone {
		return
	}
	s.gone = true
	s.tell()
	s.timer.Stop()
	s.cancel()
	if h := s.hub; h.sessions[s.peer] == s {
		delete(h.sessions, s.peer)
	}
	if s.queued {
		s.hub.waiting = slices.DeleteFunc(s.hub.waiting, func(o *session) bool { return o == s })
	}
	if s.out != nil {
		if c, ok := s.out.content.(endTaker); ok {
			c.ended(s.info().Err)
		}
		s.out.held.end()
	}
	if s.in != nil {
		s.in.held.end()
	}
	s.hub.server.release(s.peer.Addr())
	if s.own {
		s.end.Close()
	}
	s.hub.drained()
}

// inBackground runs what may block.
func (s *session) inBackground(f func()) {
	if s.end.Offload(f) != nil {
		go f() // too many tasks: but this one has to be
	}
}

// transferSocket is a session as the handler of an endpoint of its own.
type transferSocket session

func (t *transferSocket) OnOpen(e *reactor.Endpoint) { (*session)(t).start(e) }

func (t *transferSocket) OnPacket(e *reactor.Endpoint, p *reactor.Packet) {
	s := (*session)(t)
	if p.Peer != s.peer { // RFC 1350 4: the transfer goes on
		s.hub.server.counts.strangers.Add(1)
		if b := transfer.Stranger(p.Data, s.hub.scratch[:0]); b != nil {
			e.Send(b, p.Peer)
		}
		return
	}
	if pkt, err := wire.Parse(p.Data); err == nil {
		s.handle(&pkt)
	}
}

func (t *transferSocket) OnWritable(*reactor.Endpoint) { (*session)(t).drive() }

// OnDrain lets the transfer end by itself.
func (t *transferSocket) OnDrain(*reactor.Endpoint) {}

func (t *transferSocket) OnClose(_ *reactor.Endpoint, err error) {
	s := (*session)(t)
	if s.gone {
		return
	}
	if s.err = err; err == nil {
		s.err = errShutdown
	}
	s.finish()
}
