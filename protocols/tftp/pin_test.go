package tftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	pin "github.com/pin/tftp/v3"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// pinClient is pin/tftp's client for a server.
func pinClient(t *testing.T, addr string) *pin.Client {
	t.Helper()
	c, err := pin.NewClient(addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetTimeout(time.Second)
	c.SetRetries(20)
	return c
}

// TestPinClient: pin/tftp's client against our server.
func TestPinClient(t *testing.T) {
	for _, single := range []bool{false, true} {
		s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
			writable(s, f)
			s.SinglePort = single
		})
		for _, n := range []int{0, 1, 511, 512, 513, 100_000, size(300_000, 200_000, 1<<20)} {
			s.put(t, "f", noise(n))
			for _, block := range []int{512, 1428, 8192, 65464} {
				for _, mode := range []string{"octet", "netascii"} {
					if mode == "netascii" {
						s.put(t, "f", text(n))
					}
					c := pinClient(t, s.addr)
					c.SetBlockSize(block)
					c.RequestTSize(true)
					r, err := c.Receive("f", mode)
					if err != nil {
						t.Fatalf("%d at %d: %v", n, block, err)
					}
					var b bytes.Buffer
					if _, err := r.WriteTo(&b); err != nil {
						t.Fatalf("%d at %d: %v", n, block, err)
					}
					want := s.file(t, "f")
					same(t, fmt.Sprintf("%s, %d at %d", mode, n, block), b.Bytes(), want)
					rf, err := c.Send("put", mode)
					if err != nil {
						t.Fatalf("put %d at %d: %v", n, block, err)
					}
					if _, err := rf.ReadFrom(bytes.NewReader(want)); err != nil {
						t.Fatalf("put %d at %d: %v", n, block, err)
					}
					same(t, fmt.Sprintf("put %s, %d at %d", mode, n, block), s.file(t, "put"), want)
				}
			}
		}
		if _, err := pinClient(t, s.addr).Receive("nothing", "octet"); err == nil || !strings.Contains(err.Error(), "File not found") {
			t.Errorf("%v", err)
		}
	}
}

// store is a server of handlers as pin/tftp's users write them.
type store struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (s *store) read(name string, rf io.ReaderFrom) error {
	s.mu.Lock()
	b, ok := s.files[name]
	s.mu.Unlock()
	if !ok {
		return fs.ErrNotExist
	}
	rf.(pin.OutgoingTransfer).SetSize(int64(len(b)))
	if a := rf.(pin.OutgoingTransfer).RemoteAddr(); a.Port == 0 {
		return errors.New("no address")
	}
	_, err := rf.ReadFrom(bytes.NewReader(b))
	return err
}

func (s *store) write(name string, wt io.WriterTo) error {
	if n, ok := wt.(pin.IncomingTransfer).Size(); ok && n > 10<<20 {
		return errors.New("too large")
	}
	var b bytes.Buffer
	if _, err := wt.WriteTo(&b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = b.Bytes()
	return nil
}

// TestPinServer: our client against pin/tftp's server.
func TestPinServer(t *testing.T) {
	for _, single := range []bool{false, true} {
		st := &store{files: map[string][]byte{}}
		srv := pin.NewServer(st.read, st.write)
		srv.SetTimeout(time.Second)
		if single {
			srv.EnableSinglePort()
		}
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(conn) }()
		s := newSite(t, nil)
		c := s.client()
		c.Addr = conn.LocalAddr().String()
		for _, n := range []int{0, 1, 511, 512, 513, 100_000} {
			for _, block := range []int{-1, 8, 512, 1428, 8192, 65464} {
				for _, mode := range []wire.Mode{wire.Octet, wire.Netascii} {
					if n == 100_000 && block == 8 || single && n == 100_000 {
						continue
					}
					c.BlockSize, c.Mode = block, mode
					b := text(n)
					if _, err := c.Put(ctx(t), "f", bytes.NewReader(b), int64(n)); err != nil {
						t.Fatalf("single %v: put %d at %d, %v: %v", single, n, block, mode, err)
					}
					got, _ := get(t, c, "f")
					same(t, fmt.Sprintf("%v, %d at %d", mode, n, block), got, b)
				}
			}
		}
		if _, err := c.Get(ctx(t), "nothing", io.Discard); err == nil {
			t.Error("a file that is not there was read")
		}
		srv.Shutdown()
		<-served
	}
}

// TestHandlers: the same functions under our server.
func TestHandlers(t *testing.T) {
	st := &store{files: map[string][]byte{}}
	h := &tftp.Handlers{Read: st.read, Write: st.write}
	s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.Source, s.Sink = h, h })
	c := s.client()
	for _, n := range []int{0, 1, 1428, 100_000, size(1<<20, 300_000, 10<<20)} {
		if _, err := c.Put(ctx(t), "f", bytes.NewReader(noise(n)), int64(n)); err != nil {
			t.Fatal(err)
		}
		b, res := get(t, c, "f")
		same(t, fmt.Sprint(n), b, noise(n))
		if n > 0 && res.Agreed.Size != int64(n) {
			t.Errorf("size %d announced as %d", n, res.Agreed.Size)
		}
	}
	if _, err := c.Get(ctx(t), "nothing", io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := c.Put(ctx(t), "f", bytes.NewReader(nil), 11<<20); err == nil {
		t.Error("a refusal was taken for success")
	}
}

// TestHandlersThatMisbehave: they cost their own transfer.
func TestHandlersThatMisbehave(t *testing.T) {
	short := errors.New("short")
	h := &tftp.Handlers{
		Read: func(name string, rf io.ReaderFrom) error {
			switch name {
			case "panic":
				panic("handler")
			case "nothing":
				return nil
			case "fails":
				_, err := rf.ReadFrom(io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), failing{short}))
				return err
			}
			_, err := rf.ReadFrom(strings.NewReader("fine"))
			return err
		},
		Write: func(name string, wt io.WriterTo) error {
			switch name {
			case "panic":
				panic("handler")
			case "late":
				wt.WriteTo(io.Discard)
				return short
			case "half":
				_, err := wt.WriteTo(failing{short})
				return err
			case "nothing":
				return nil
			}
			_, err := wt.WriteTo(io.Discard)
			return err
		},
	}
	s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.Source, s.Sink = h, h })
	c := s.client()
	for _, name := range []string{"panic", "fails"} {
		if _, err := c.Get(ctx(t), name, io.Discard); err == nil {
			t.Errorf("get %s: no error", name)
		}
	}
	if b, _ := get(t, c, "nothing"); len(b) != 0 {
		t.Errorf("%q", b)
	}
	for _, name := range []string{"panic", "late", "half", "nothing"} {
		if _, err := c.Put(ctx(t), name, bytes.NewReader(noise(100_000)), -1); err == nil {
			t.Errorf("put %s: no error", name)
		}
	}
	if b, _ := get(t, c, "f"); string(b) != "fine" {
		t.Errorf("%q", b)
	}
	if _, err := c.Put(ctx(t), "f", bytes.NewReader(noise(100_000)), -1); err != nil {
		t.Error(err)
	}
}

// failing is a Reader and a Writer that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }
