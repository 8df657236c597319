package reactor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// keeping is scramble as a KeepingLayer: it decodes what it was fed only when it is read, and copies only when it must.
type keeping struct {
	*scramble
	fed  []byte
	own  bool // fed is a copy
	kept int
}

func (l *keeping) Feed(in []byte) error {
	if len(l.fed) > 0 {
		in = append(bytes.Clone(l.fed), in...)
		l.own = true
	} else {
		l.own = false
	}
	l.fed = in
	return nil
}

func (l *keeping) Keep() {
	if l.kept++; !l.own {
		l.fed = bytes.Clone(l.fed)
		l.own = true
	}
}

func (l *keeping) Read(p []byte) (int, error) {
	if n, err := l.scramble.Read(p); err != ErrWouldBlock || len(l.fed) == 0 {
		return n, err
	}
	n := min(len(l.fed), 1500) // some of it, so that a pause leaves the rest
	if err := l.scramble.Feed(l.fed[:n]); err != nil {
		return 0, err
	}
	l.fed = l.fed[n:]
	return l.Read(p)
}

func (l *keeping) EOF() {
	if len(l.fed) == 0 {
		l.scramble.EOF()
	}
}

// TestKeepingLayer: what a layer reads from the loop's buffer is whole, though the handler pauses anywhere and the buffer is
// overwritten after each turn.
func TestKeepingLayer(t *testing.T) {
	data := pattern(300_000)
	a := newAudit(t)
	var got bytes.Buffer
	s := serve(t, Config{}, func(c *Conn) Handler {
		c.SetLayer(&keeping{scramble: newScramble(c)})
		n := 0
		return full{&probe{a: a, data: func(c *Conn, in []byte) int {
			if n++; n%5 == 0 {
				c.Pause()
				c.Post(c.Resume)
			}
			got.Write(in)
			return len(in)
		}, eof: func(c *Conn) { c.Close() }}}
	})
	c := connect(t, s.addr)
	c.Write(scrambled(data))
	c.Write([]byte{0, 0})
	if err := await(t, "OnClose", a.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
	sameBytes(t, got.Bytes(), data)
}

// farewell is a layer that says why before it fails.
type farewell struct{ *scramble }

func (l *farewell) Read(p []byte) (int, error) {
	n, err := l.scramble.Read(p)
	if err == nil || err == ErrWouldBlock {
		return n, err
	}
	l.c.WriteRaw([]byte("an alert"))
	l.fin = true // nothing more
	l.c.CloseWith(errWhy)
	return 0, err
}

// TestLayerClosesItself: a layer that has asked for a close gets that one, behind what it wrote, and not a reset.
func TestLayerClosesItself(t *testing.T) {
	a := newAudit(t)
	s := serve(t, Config{}, func(c *Conn) Handler {
		c.SetLayer(&farewell{newScramble(c)})
		return &probe{a: a}
	})
	c := connect(t, s.addr)
	c.Write(scrambled([]byte("then nothing")))
	c.CloseWrite()
	got, err := io.ReadAll(c)
	if string(got) != "an alert" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := await(t, "OnClose", a.closed); !errors.Is(err, errWhy) {
		t.Errorf("OnClose got %v", err)
	}
}

// TestEndBeforeLayer: a layer that is set after the peer's FIN hears of it.
func TestEndBeforeLayer(t *testing.T) {
	a := newAudit(t)
	var got bytes.Buffer
	s := serve(t, Config{}, func(*Conn) Handler {
		return full{&probe{data: func(*Conn, []byte) int { return 0 }, eof: func(c *Conn) {
			c.Post(func() {
				c.SetLayer(newScramble(c))
				c.Upgrade(&probe{a: a, data: func(_ *Conn, in []byte) int { got.Write(in); return len(in) }})
			})
		}}}
	})
	c := connect(t, s.addr)
	c.Write(scrambled([]byte("all that there is")))
	c.CloseWrite()
	if err := await(t, "OnClose", a.closed); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("OnClose got %v", err)
	}
	if got.String() != "all that there is" {
		t.Errorf("delivered %q", got.String())
	}
}

// TestUpgradeInOnOpenDrainsOnce: a handler whose OnOpen upgrades while Shutdown is under way is not drained, and its successor
// once.
func TestUpgradeInOnOpenDrainsOnce(t *testing.T) {
	opened, drained := make(chan *Conn, 1), make(chan *Conn, 1)
	s := serve(t, Config{}, func(*Conn) Handler {
		return full{&probe{open: func(c *Conn) { opened <- c }, drain: func(c *Conn) { drained <- c }}}
	})
	connect(t, s.addr)
	await(t, "OnOpen", opened)
	shut := make(chan error, 1)
	go func() { shut <- s.r.Shutdown(context.Background()) }()
	c := await(t, "OnDrain", drained)
	drains := 0
	last := full{&probe{drain: func(c *Conn) { drains++; c.Post(func() { c.Close() }) }}}
	c.Post(func() {
		c.Upgrade(full{&probe{
			open:  func(c *Conn) { c.Upgrade(last) },
			drain: func(*Conn) { t.Error("the one in between was drained") },
		}})
	})
	if err := await(t, "Shutdown", shut); err != nil {
		t.Error(err)
	}
	if drains != 1 {
		t.Errorf("%d OnDrains", drains)
	}
}
