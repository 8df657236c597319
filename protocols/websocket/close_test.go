package websocket_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// The peer begins: it gets its code back, OnCloseFrame and OnClose are told.
func TestPeerCloses(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		p.write(wire.AppendClose(nil, wire.Client, 4001, "so long"))
		p.want("close:4001:", "EOF")
		if got := <-rec.log; got != "close:4001:so long" {
			t.Error(got)
		}
		p.c.Close()
		var ce *websocket.CloseError
		if err := <-rec.end; !errors.As(err, &ce) || ce.Code != 4001 || ce.Reason != "so long" || websocket.CloseStatus(err) != 4001 {
			t.Errorf("OnClose got %v", err)
		}
	})
}

// We begin: messages that still come are dropped, OnClose gets nil when the peer has answered.
func TestWeClose(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		c := <-rec.open
		c.Send(websocket.Text, []byte("last"))
		if err := c.Close(4002, "done"); err != nil {
			t.Error(err)
		}
		if err := c.Close(4003, ""); !errors.Is(err, websocket.ErrClosed) {
			t.Error(err)
		}
		for _, err := range []error{c.Send(websocket.Text, nil), c.Ping(nil), c.SendContext(context.Background(), websocket.Text, nil)} {
			if !errors.Is(err, websocket.ErrClosed) {
				t.Error(err)
			}
		}
		p.want("text:last", "close:4002:done")
		p.send(wire.Text, "too late")
		p.write(wire.AppendClose(nil, wire.Client, 4002, ""))
		p.want("EOF")
		p.c.Close()
		if err := <-rec.end; err != nil {
			t.Errorf("OnClose got %v", err)
		}
		<-c.Done()
		if got := <-rec.log; got != "close:4002:" {
			t.Error(got)
		}
	})
}

// A peer that does not answer has CloseTimeout; so has one that does not even read.
func TestCloseTimeout(t *testing.T) {
	for name, fill := range map[string]int{"not answering": 0, "not reading": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
				rec := h.rec
				h.dial()
				c := <-rec.open
				c.Send(websocket.Binary, make([]byte, fill))
				start := time.Now()
				c.Close(1000, "")
				if err := <-rec.end; !errors.Is(err, websocket.ErrCloseTimeout) {
					t.Errorf("OnClose got %v", err)
				}
				took(t, start, 5*time.Second)
			})
		})
	}
}

// After a violation the code comes, then the end, within the close timeout even if the peer neither reads nor closes.
func TestViolation(t *testing.T) {
	for name, c := range map[string]struct {
		bytes string
		want  string
	}{
		"unmasked":       {"\x81\x01x", "close:1002:frame from a client without a mask"},
		"reserved bits":  {"\xc1\x81", "close:1002:reserved bit that no extension defines"},
		"2^62 announced": {"\x82\xff\x40\x00", "close:1009:message over the limit in bytes"},
		"bad text":       {"\x81\x81\x00\x00\x00\x00\xff", "close:1007:text is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
				rec := h.rec
				p := h.dial()
				start := time.Now()
				p.write([]byte(c.bytes))
				p.want(c.want, "EOF")
				err := <-rec.end // though the peer has not closed
				var we *wire.Error
				if !errors.As(err, &we) || websocket.CloseStatus(err) != we.Code {
					t.Errorf("OnClose got %v", err)
				}
				took(t, start, time.Second)
			})
		})
	}
}

// A connection that just ends is no clean close.
func TestNoCloseFrame(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		p.send(wire.Text, "x")
		p.c.Close()
		if err := <-rec.end; !errors.Is(err, websocket.ErrNoCloseFrame) || !errors.Is(err, io.ErrUnexpectedEOF) || websocket.CloseStatus(err) != 1006 {
			t.Errorf("OnClose got %v", err)
		}
	})
}

// Shutdown closes with 1001, behind what was sent before.
func TestDrain(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		p := h.dial()
		c := <-rec.open
		c.Send(websocket.Text, []byte("last"))
		down := make(chan error, 1)
		go func() { down <- h.r.Shutdown(context.Background()) }()
		p.want("text:last", "close:1001:")
		p.write(wire.AppendClose(nil, wire.Client, 1001, ""))
		p.want("EOF")
		p.c.Close()
		if err := <-rec.end; err != nil {
			t.Errorf("OnClose got %v", err)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

// A panic costs one connection.
func TestPanic(t *testing.T) {
	bubble(t, &websocket.Server{}, reactor.Config{}, nil, func(t *testing.T, h *host) {
		rec := h.rec
		rec.on = func(*websocket.Conn, websocket.Opcode, []byte) { panic("by the test") }
		h.dial().send(wire.Text, "x")
		if err := <-rec.end; !errors.Is(err, reactor.ErrPanic) {
			t.Errorf("OnClose got %v", err)
		}
		synctest.Wait()
		<-rec.open
		p := h.dial()
		(<-rec.open).Send(websocket.Text, []byte("alive"))
		p.want("text:alive")
	})
}
