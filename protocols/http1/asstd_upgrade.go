package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// errHostUpgrade: the native side has switched protocols, and the host cannot.
var errHostUpgrade error = &closeError{"host cannot switch protocols", "host_upgrade", errors.ErrUnsupported}

// switchOver takes the connection from the host and joins it with the native one: the head of the answer, the bytes that came
// behind it, and what follows in both directions until both have ended.
func (q *hostedRequest) switchOver(head, early []byte) {
	conn, rw, err := q.ctl.Hijack()
	if err != nil {
		q.cut(errHostUpgrade)
		http.Error(q.w, "501 Not Implemented: the connection of this host cannot switch protocols", http.StatusNotImplemented)
		return
	}
	defer conn.Close()
	q.stop() // net/http ends the context when its reader comes to the client's half-close
	if conn.SetDeadline(time.Time{}) != nil {
		q.cut(net.ErrClosed)
		return
	}
	if _, err := conn.Write(append(head[:len(head):len(head)], early...)); err != nil {
		q.cut(err)
		return
	}
	<-q.sent // an upgrade's request has been read
	ahead, _ := rw.Reader.Peek(rw.Reader.Buffered())
	up := make(chan struct{})
	go func() {
		defer close(up)
		if _, err := io.Copy(q.up, io.MultiReader(bytes.NewReader(ahead), conn)); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			q.cut(err) // the client has not ended in order
		}
		q.up.Close()
	}()
	if _, err := io.Copy(conn, q.down); err != nil {
		q.cut(err)
	}
	if c, ok := conn.(interface{ CloseWrite() error }); ok && !q.native.reset.Load() {
		c.CloseWrite()
	}
	select {
	case <-up:
	case <-q.native.gone:
	}
	if c, ok := conn.(interface{ SetLinger(int) error }); ok && q.native.reset.Load() {
		c.SetLinger(0)
	}
	conn.Close() // ends the other direction, too
	<-up
}
