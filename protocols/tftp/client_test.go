package tftp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
)

// script is a server that answers as it is told: for each packet that comes, what to send.
func script(t *testing.T, answer func(got string) []string) string {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 65536); ; {
			n, from, err := c.ReadFromUDP(b)
			if err != nil {
				return
			}
			for _, a := range answer(string(b[:n])) {
				c.WriteToUDP([]byte(a), from)
			}
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return c.LocalAddr().String()
}

// TestFallBack: a server that refuses the options, and one that ignores them.
func TestFallBack(t *testing.T) {
	s := newSite(t, nil)
	for _, code := range []string{"\x08", "\x04", "ignores"} {
		addr := script(t, func(got string) []string {
			switch {
			case strings.HasPrefix(got, "\x00\x01") && strings.Contains(got, "blksize") && code != "ignores":
				return []string{"\x00\x05\x00" + code + "no options\x00"}
			case strings.HasPrefix(got, "\x00\x01"):
				return []string{"\x00\x03\x00\x01hello"}
			}
			return nil
		})
		c := s.client()
		c.Addr = addr
		b, res := get(t, c, "f")
		if string(b) != "hello" || res.FellBack != (code != "ignores") || res.Agreed.BlockSize != 512 {
			t.Errorf("%q: %q, %+v", code, b, res)
		}
		if code == "ignores" {
			continue
		}
		c.NoFallback = true
		var remote *wire.RemoteError
		if _, err := c.Get(ctx(t), "f", io.Discard); !errors.As(err, &remote) || remote.Code != wire.ErrorCode(code[0]) {
			t.Errorf("%v", err)
		}
	}
}

// TestPutFallsBackWithTheWholeFile: nothing of it is read before the server has taken the request.
func TestPutFallsBackWithTheWholeFile(t *testing.T) {
	s := newSite(t, nil)
	var got strings.Builder
	done := make(chan struct{})
	c := s.client()
	c.Addr = script(t, func(p string) []string {
		switch {
		case strings.HasPrefix(p, "\x00\x02") && strings.Contains(p, "blksize"):
			return []string{"\x00\x05\x00\x08\x00"}
		case strings.HasPrefix(p, "\x00\x02"):
			return []string{"\x00\x04\x00\x00"}
		case strings.HasPrefix(p, "\x00\x03"):
			got.WriteString(p[4:])
			if len(p) < 516 {
				close(done)
			}
			return []string{"\x00\x04" + p[2:4]}
		}
		return nil
	})
	b := text(2000)
	if _, err := c.Put(ctx(t), "f", bytes.NewReader(b), 2000); err != nil {
		t.Fatal(err)
	}
	<-done
	same(t, "put", []byte(got.String()), b)
}

// TestClientErrors: by their codes.
func TestClientErrors(t *testing.T) {
	s := newSite(t, nil)
	for code, want := range map[string]error{"\x01": fs.ErrNotExist, "\x02": fs.ErrPermission, "\x06": fs.ErrExist} {
		c := s.client()
		c.Addr = script(t, func(string) []string { return []string{"\x00\x05\x00" + code + "because\x00"} })
		if _, err := c.Get(ctx(t), "f", io.Discard); !errors.Is(err, want) || !strings.Contains(err.Error(), "because") {
			t.Errorf("%q: %v", code, err)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	s := newSite(t, nil)
	c := s.client()
	c.Addr = script(t, func(string) []string { return nil })
	c.Transfer = transfer.Config{Retries: 2, InitialRTO: 10 * time.Millisecond, MinRTO: 10 * time.Millisecond}
	if _, err := c.Get(ctx(t), "f", io.Discard); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := c.Put(ctx(t), "f", strings.NewReader("x"), 1); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestCancel(t *testing.T) {
	s := newSite(t, nil)
	began := make(chan struct{}, 10)
	c := s.client()
	c.Addr = script(t, func(p string) []string {
		if strings.HasPrefix(p, "\x00\x05") {
			began <- struct{}{}
		}
		if strings.HasPrefix(p, "\x00\x01") {
			began <- struct{}{}
			return []string{"\x00\x03\x00\x01" + string(noise(512))}
		}
		return nil
	})
	why := errors.New("why")
	cc, cancel := context.WithCancelCause(context.Background())
	go func() {
		<-began
		cancel(why)
	}()
	c.BlockSize, c.WindowSize, c.NoSize = -1, -1, true
	if _, err := c.Get(cc, "f", io.Discard); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	<-began // the server was told
	if _, err := c.Get(cc, "f", io.Discard); !errors.Is(err, why) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// TestWriterFails and TestReaderFails: what is here ends the transfer there.
func TestWriterFails(t *testing.T) {
	s := newSite(t, nil)
	s.put(t, "f", noise(1<<20))
	full := errors.New("disk full")
	if _, err := s.client().Get(ctx(t), "f", failing{full}); err != full {
		t.Errorf("%v", err)
	}
	if i := s.report(t, 1); i.Outcome == transfer.Completed || i.Reason != "peer_error" {
		t.Errorf("%+v", i)
	}
}

func TestReaderFails(t *testing.T) {
	s := newSite(t, writable)
	bad := errors.New("bad")
	r := io.MultiReader(bytes.NewReader(noise(100_000)), failing{bad})
	if _, err := s.client().Put(ctx(t), "f", r, -1); err != bad {
		t.Errorf("%v", err)
	}
	if i := s.report(t, 1); i.Outcome == transfer.Completed {
		t.Errorf("%+v", i)
	}
}

// TestClientStranger: a packet from elsewhere gets ERROR 5, and changes nothing.
func TestClientStranger(t *testing.T) {
	s := newSite(t, nil)
	other := newPeer(t, s.addr)
	var client net.Addr
	c := s.client()
	srv, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	c.Addr = srv.LocalAddr().String()
	c.BlockSize, c.WindowSize, c.NoSize = -1, -1, true
	done := make(chan error, 1)
	var got bytes.Buffer
	go func() {
		_, err := c.Get(ctx(t), "f", &got)
		done <- err
	}()
	b := make([]byte, 1000)
	_, client, err = srv.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	srv.WriteTo([]byte("\x00\x03\x00\x01"+strings.Repeat("x", 512)), client)
	srv.ReadFrom(b)
	other.to = client.(*net.UDPAddr)
	other.send("\x00\x03\x00\x02evil")
	if got := other.receive(); !strings.HasPrefix(got, "\x00\x05\x00\x05") {
		t.Errorf("%q", got)
	}
	srv.WriteTo([]byte("\x00\x03\x00\x02fine"), client)
	if err := <-done; err != nil || !strings.HasSuffix(got.String(), "xfine") {
		t.Errorf("%v", err)
	}
}

func TestProgress(t *testing.T) {
	s := newSite(t, writable)
	s.put(t, "f", noise(500_000))
	var last, calls int64
	c := s.client()
	c.Progress = func(done, size int64) {
		if done < last || size != 500_000 {
			t.Errorf("%d of %d after %d", done, size, last)
		}
		last = done
		calls++
	}
	get(t, c, "f")
	if last != 500_000 || calls < 2 {
		t.Errorf("%d in %d calls", last, calls)
	}
	last = 0
	if _, err := c.Put(ctx(t), "g", bytes.NewReader(noise(500_000)), 500_000); err != nil || last != 500_000 {
		t.Errorf("%d, %v", last, err)
	}
}

func TestClientAddresses(t *testing.T) {
	s := newSite(t, nil)
	s.put(t, "f", []byte("x"))
	_, port, _ := net.SplitHostPort(s.addr)
	c := s.client()
	c.Addr = "localhost:" + port
	c.LocalAddr = addrPort("127.0.0.1:0")
	if b, _ := get(t, c, "f"); string(b) != "x" {
		t.Errorf("%q", b)
	}
	c.Addr = "nowhere.invalid"
	if _, err := c.Get(ctx(t), "f", io.Discard); err == nil {
		t.Error("no error")
	}
	c = s.client()
	if _, err := c.Get(ctx(t), "a\x00b", io.Discard); err == nil {
		t.Error("a name with a NUL was asked for")
	}
}

// TestClientOnLoop: it would wait for itself.
func TestClientOnLoop(t *testing.T) {
	s := newSite(t, nil)
	errs := make(chan error, 10)
	if err := s.r.EachLoop(ctx(t), func(int) {
		_, err := s.client().Get(context.Background(), "f", io.Discard)
		errs <- err
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != reactor.ErrOnLoop {
		t.Errorf("%v", err)
	}
}

// TestReactorShutdownEndsGets: with an error, at once.
func TestReactorShutdownEndsGets(t *testing.T) {
	s := newSite(t, nil)
	asked := make(chan struct{}, 100)
	c := s.client()
	c.Addr = script(t, func(string) []string { asked <- struct{}{}; return nil })
	done := make(chan error, 1)
	go func() {
		_, err := c.Get(context.Background(), "f", io.Discard)
		done <- err
	}()
	<-asked
	if err := s.r.Shutdown(ctx(t)); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := c.Get(context.Background(), "f", io.Discard); !errors.Is(err, reactor.ErrShutdown) {
		t.Errorf("%v", err)
	}
}
