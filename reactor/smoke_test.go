package reactor

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

type echo struct{ t *testing.T }

func (e echo) OnOpen(c *Conn) {}
func (e echo) OnData(c *Conn, in []byte) int {
	c.Write(in)
	return len(in)
}
func (e echo) OnClose(c *Conn, err error) {}

func TestSmoke(t *testing.T) {
	r := New(Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- r.Serve(ln, ProtocolFunc(func(*Conn) Handler { return echo{t} })) }()
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	for range 20 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		go func() { c.Write(big); c.(*net.TCPConn).CloseWrite() }()
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, big) {
			t.Fatal(len(got), err)
		}
		c.Close()
	}
	s, err := r.DialStream(context.Background(), ln.Addr(), DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { s.Write(big); s.CloseWrite() }()
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, big) {
		t.Fatal(len(got), err)
	}
	st, err := r.Stats(context.Background())
	t.Logf("%+v %v", st.Total(), err)
	if err := r.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
