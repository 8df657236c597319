package reactor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// adoptee answers with what it gets, and ends with the peer.
type adoptee struct {
	open chan struct{}
	end  chan error
}

func (h *adoptee) OnOpen(c *Conn) { close(h.open) }

func (h *adoptee) OnData(c *Conn, in []byte) int {
	c.Write(in)
	return len(in)
}

func (h *adoptee) OnClose(_ *Conn, err error) { h.end <- err }

func newAdoptee() *adoptee { return &adoptee{make(chan struct{}), make(chan error, 1)} }

// A connection of package net goes on on a loop, with what was read of it before first; so does one that has no descriptor.
func TestAdopt(t *testing.T) {
	r := New(Config{})
	defer r.Shutdown(context.Background())
	pairs := map[string]func() (net.Conn, net.Conn){
		"tcp": func() (net.Conn, net.Conn) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			a, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			b, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			return a, b
		},
		"pipe": net.Pipe,
	}
	for name, pair := range pairs {
		t.Run(name, func(t *testing.T) {
			peer, nc := pair()
			defer peer.Close()
			peer.SetDeadline(time.Now().Add(patience))
			go peer.Write([]byte("early and late"))
			early := make([]byte, len("early"))
			if _, err := io.ReadFull(nc, early); err != nil {
				t.Fatal(err)
			}
			h := newAdoptee()
			c, err := r.Adopt(nc, early, h)
			if err != nil {
				t.Fatal(err)
			}
			select {
			case <-h.open:
			default:
				t.Error("Adopt returned before OnOpen")
			}
			got := make([]byte, len("early and late"))
			if _, err := io.ReadFull(peer, got); err != nil || string(got) != "early and late" {
				t.Fatalf("%q, %v", got, err)
			}
			if name == "tcp" && c.RemoteAddr().String() != peer.LocalAddr().String() {
				t.Errorf("remote address %v", c.RemoteAddr())
			}
			peer.Close()
			if err := <-h.end; !errors.Is(err, io.EOF) {
				t.Errorf("OnClose got %v", err)
			}
		})
	}
}

// What cannot be adopted is closed, and costs no place.
func TestAdoptRefused(t *testing.T) {
	r := New(Config{MaxConns: 1})
	keep, kept := net.Pipe()
	defer keep.Close()
	h := newAdoptee()
	if _, err := r.Adopt(kept, nil, h); err != nil {
		t.Fatal(err)
	}
	peer, nc := net.Pipe()
	if _, err := r.Adopt(nc, nil, newAdoptee()); !errors.Is(err, ErrConnLimit) {
		t.Error(err)
	}
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection is not closed: %v", err)
	}
	keep.Close()
	<-h.end
	if err := r.EachLoop(context.Background(), func(int) {}); err != nil { // the place is given back behind OnClose
		t.Fatal(err)
	}
	onLoop := make(chan error, 1)
	peer, nc = net.Pipe()
	h = newAdoptee()
	conn, err := r.Adopt(nc, nil, h)
	if err != nil {
		t.Fatalf("the place was not given back: %v", err)
	}
	_, other := net.Pipe()
	conn.Post(func() {
		_, err := r.Adopt(other, nil, newAdoptee())
		onLoop <- err
	})
	if err := <-onLoop; err != ErrOnLoop {
		t.Error(err)
	}
	peer.Close()
	<-h.end
	r.Shutdown(context.Background())
	_, nc = net.Pipe()
	if _, err := r.Adopt(nc, nil, newAdoptee()); !errors.Is(err, ErrShutdown) {
		t.Error(err)
	}
}

// What was put back comes first, to Read and to the next handler.
func TestStreamUnread(t *testing.T) {
	r := New(Config{})
	defer r.Shutdown(context.Background())
	peer, nc := net.Pipe()
	defer peer.Close()
	peer.SetDeadline(time.Now().Add(patience))
	s := NewStream()
	if _, err := r.Adopt(nc, []byte("abcdef"), s); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(s, got); err != nil {
		t.Fatal(err)
	}
	s.Unread(got)
	s.Unread(nil)
	if _, err := io.ReadFull(s, got); err != nil || string(got) != "abcd" {
		t.Fatalf("%q, %v", got, err)
	}
	s.Unread(got)
	h := newAdoptee()
	if !s.Upgrade(h) {
		t.Fatal("no upgrade")
	}
	all := make([]byte, 6)
	if _, err := io.ReadFull(peer, all); err != nil || !bytes.Equal(all, []byte("abcdef")) {
		t.Fatalf("%q, %v", all, err)
	}
}
