package conform

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// probe follows every case that leaves the connection open. It asks for the
// close, so that the end of the stream bounds what may come.
const probe = "GET /plaintext HTTP/1.1\r\nHost: conform\r\nConnection: close\r\n\r\n"

// caseTime bounds one conversation, and silentTime one that may end in silence: it is waited for.
const (
	caseTime   = 30 * time.Second
	silentTime = 5 * time.Second
)

// delivery is how the bytes of a case are handed to the connection.
type delivery struct {
	bytewise bool
	// cut is the offset, over all steps, at which to pause; 0 is never.
	cut int
	// pause returns when the server had a chance to read the first part.
	pause func() error
}

// bytewiseMax bounds how much is sent byte by byte: what comes after it is
// bulk (bodies of megabytes) and goes in one write.
const bytewiseMax = 32 << 10

// errPause says that the round trip between two writes failed.
var errPause = errors.New("side connection")

// client is one conversation in progress.
type client struct {
	conn     net.Conn
	br       *bufio.Reader
	c        *Case
	answered chan struct{} // one token for each answer read
	gone     chan struct{} // closed when the reader gave up
}

// converse plays a case on a fresh connection, which it closes.
func converse(conn net.Conn, c *Case, how delivery) error {
	limit := caseTime
	if c.Silent {
		limit = silentTime
	}
	if how.bytewise || c.Size() > 1<<20 {
		// A write per byte takes its time on a busy machine.
		limit += time.Duration(min(c.Size(), bytewiseMax)) * time.Millisecond
	}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if tc, ok := conn.(*net.TCPConn); ok {
		if err := tc.SetNoDelay(true); err != nil {
			return err
		}
	}
	p := &client{
		conn: conn, br: bufio.NewReader(conn), c: c,
		answered: make(chan struct{}, 2*len(c.Want)+1),
		gone:     make(chan struct{}),
	}
	// The client writes and reads at once: a server may answer, and stop
	// reading, before it saw everything.
	written := make(chan error, 1)
	go func() { written <- p.write(how) }()
	err, finished := p.read(written)
	close(p.gone)
	conn.Close()
	if !finished {
		if werr := <-written; errors.Is(werr, errPause) {
			return werr // half of the case was never sent
		}
	}
	return err
}

// read judges what comes in. It reports whether it saw the writer end.
func (p *client) read(written chan error) (err error, finished bool) {
	var got []*Response
	for i := range p.c.Want {
		r, err := p.next(&p.c.Want[i])
		if errors.Is(err, errNoAnswer) && p.c.Silent && i == len(p.c.Want)-1 {
			return nil, false
		}
		if err != nil {
			return fmt.Errorf("answer %d of %d: %w", i+1, len(p.c.Want), err), false
		}
		got = append(got, r)
	}
	if p.c.Cross != nil {
		if err := p.c.Cross(got); err != nil {
			return err, false
		}
	}
	if len(got) == 0 || p.closing(got[len(got)-1]) {
		return p.end(), false
	}
	// The probe must not overtake what the case still has to send.
	if err := <-written; err != nil {
		return fmt.Errorf("connection to be used again failed while sending: %w", err), true
	}
	return p.probe(), true
}

// next reads the answer to one request, and the 100 before it if that is
// allowed, and judges it.
func (p *client) next(want *Answer) (*Response, error) {
	for interim := 0; ; interim++ {
		r, err := ReadResponse(p.br, want)
		if err != nil {
			return nil, err
		}
		p.answered <- struct{}{}
		if r.Status == 100 && want.Interim == MayContinue && interim == 0 {
			continue
		}
		return r, want.judge(r)
	}
}

// closing reports whether the stream has to end after the last answer.
func (p *client) closing(last *Response) bool {
	if p.c.Then != Either {
		return p.c.Then == Closed
	}
	old := p.c.Want[len(p.c.Want)-1].HTTP10 && !last.Has("Connection", "keep-alive")
	return old || last.Framing == UntilClose || last.Has("Connection", "close")
}

// probe sends one more request and wants its answer next, then the end.
func (p *client) probe() error {
	if _, err := io.WriteString(p.conn, probe); err != nil {
		return fmt.Errorf("connection is not usable again: %w", err)
	}
	want := status(200).with(hello)
	r, err := ReadResponse(p.br, &want)
	if err == nil {
		err = want.judge(r)
	}
	if err != nil {
		return fmt.Errorf("the next request on the connection: %w", err)
	}
	if err := p.end(); err != nil {
		return fmt.Errorf("after the next request: %w", err)
	}
	return nil
}

// end wants a clean end of the stream and nothing before it.
func (p *client) end() error {
	_, err := p.br.Peek(1)
	switch {
	case err == nil:
		b, _ := p.br.Peek(p.br.Buffered())
		return fmt.Errorf("bytes where the stream should end: %.60q", b)
	case err == io.EOF:
		return nil
	}
	return explain("waiting for the connection to be closed", err)
}

// write plays the client's steps. Its error matters only to those who want to
// use the connection again: a server may close while the client is sending.
func (p *client) write(how delivery) error {
	sent := 0
	for _, s := range p.c.Steps {
		var err error
		switch {
		case s.Await:
			select {
			case <-p.answered:
			case <-p.gone:
				return net.ErrClosed
			}
		case s.HalfClose:
			shut, ok := p.conn.(interface{ CloseWrite() error })
			if !ok {
				return errors.New("connection cannot be half-closed")
			}
			err = shut.CloseWrite()
		default:
			err = p.deliver(s.Send, how, sent)
			sent += len(s.Send)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deliver writes one step's bytes; sent is how many went before them.
func (p *client) deliver(s string, how delivery, sent int) error {
	if how.bytewise {
		n := min(len(s), max(bytewiseMax-sent, 0))
		for i := range n {
			if _, err := io.WriteString(p.conn, s[i:i+1]); err != nil {
				return err
			}
		}
		s = s[n:]
	} else if at := how.cut - sent; at > 0 && at < len(s) {
		if _, err := io.WriteString(p.conn, s[:at]); err != nil {
			return err
		}
		if err := how.pause(); err != nil {
			p.conn.Close() // nothing more will come, so do not wait for it
			return fmt.Errorf("%w: %w", errPause, err)
		}
		s = s[at:]
	}
	if s == "" {
		return nil
	}
	_, err := io.WriteString(p.conn, s)
	return err
}
