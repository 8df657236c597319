package tftp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
)

// TestMaxTransfers: in all, and of one address; a place that is free is given again.
func TestMaxTransfers(t *testing.T) {
	for _, c := range []struct {
		all, perIP int
		reason     string
	}{{2, 0, "too_many_transfers"}, {0, 2, "too_many_of_ip"}} {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.MaxTransfers, s.MaxTransfersPerIP = c.all, c.perIP })
		s.put(t, "f", noise(600))
		var ps []*peer
		for range 2 {
			p := newPeer(t, s.addr)
			p.send(rrq("f"))
			p.receive()
			ps = append(ps, p)
		}
		p := newPeer(t, s.addr)
		server := p.to
		p.send(rrq("f"))
		if got := p.receive(); got[:4] != "\x00\x05\x00\x00" {
			t.Errorf("%q", got)
		}
		if i := s.report(t, 1); i.Reason != c.reason {
			t.Errorf("%+v", i)
		}
		ps[0].send("\x00\x05\x00\x00bye\x00")
		s.report(t, 2)
		p.to = server
		p.send(rrq("f"))
		if got := p.receive(); got[:4] != "\x00\x03\x00\x01" {
			t.Errorf("%.10q", got)
		}
	}
}

// TestRate: no transfer is faster than it may be, nor are all of them.
func TestRate(t *testing.T) {
	for _, all := range []bool{false, true} {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) {
			if all {
				s.Rate = 1 << 20
			} else {
				s.TransferRate = 1 << 19
			}
		})
		b := noise(150_000)
		s.put(t, "f", b)
		start := time.Now()
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				var got bytes.Buffer
				_, err := s.client().Get(ctx(t), "f", &got)
				if err == nil && !bytes.Equal(got.Bytes(), b) {
					err = errors.New("other bytes")
				}
				errs <- err
			}()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		// 150,000 bytes at 512 KiB/s, or twice that at 1 MiB/s, are 286 ms, less the burst.
		if took := time.Since(start); took < 230*time.Millisecond {
			t.Errorf("all=%v: it took %v", all, took)
		}
	}
}

// TestPortRange: transfers come from the ports that they may come from; when all are taken the request is refused.
func TestPortRange(t *testing.T) {
	base := freePorts(t)
	s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.PortLow, s.PortHigh = base, base+1 })
	s.put(t, "f", noise(600))
	seen := map[int]bool{}
	for range 2 {
		p := newPeer(t, s.addr)
		p.send(rrq("f"))
		p.receive()
		if p.to.Port < int(base) || p.to.Port > int(base)+1 {
			t.Errorf("from port %d; want %d or the next", p.to.Port, base)
		}
		seen[p.to.Port] = true
	}
	if len(seen) != 2 {
		t.Errorf("ports %v", seen)
	}
	p := newPeer(t, s.addr)
	p.send(rrq("f"))
	if got := p.receive(); got[:4] != "\x00\x05\x00\x00" {
		t.Errorf("%q", got)
	}
}

// freePorts gives the first of two ports in a row that nobody has.
func freePorts(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		n := a.LocalAddr().(*net.UDPAddr).Port
		b, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n + 1})
		a.Close()
		if err == nil {
			b.Close()
			return uint16(n)
		}
	}
	t.Fatal("no two free ports in a row")
	return 0
}

// TestShutdown: transfers in progress are finished, requests refused; what is left when the context ends is aborted.
func TestShutdown(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) {
			s.SinglePort = single
			s.Transfer = transfer.Config{}
		})
		s.put(t, "f", noise(600))
		p := newPeer(t, s.addr)
		server := p.to
		p.send(rrq("f"))
		p.receive()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(context.Background()) }()
		for end := time.Now().Add(patience); ; { // until Shutdown has begun
			q := newPeer(t, server.String())
			q.send(rrq("f"))
			if got := q.receive(); got[:4] == "\x00\x05\x00\x00" {
				break
			}
			q.send("\x00\x05\x00\x00\x00")
			if time.Now().After(end) {
				t.Fatal("requests are still taken")
			}
		}
		p.send("\x00\x04\x00\x01")
		p.receive()
		p.send("\x00\x04\x00\x02")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownAborts(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) {
			s.SinglePort = single
			s.Transfer = transfer.Config{}
		})
		s.put(t, "f", noise(600))
		p := newPeer(t, s.addr)
		p.send(rrq("f"))
		p.receive()
		c, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(c); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if got := p.receive(); got[:4] != "\x00\x05\x00\x00" {
			t.Errorf("%q", got)
		}
		if i := s.report(t, 1); i.Reason != "shutdown" {
			t.Errorf("%+v", i)
		}
	})
}

// TestActive lists what is in progress.
func TestActive(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.SinglePort = single })
		s.put(t, "f", noise(6000))
		for range 3 {
			p := newPeer(t, s.addr)
			p.send(rrq("f"))
			p.receive()
			p.send("\x00\x04\x00\x01")
			p.receive()
		}
		all, err := s.Active(ctx(t), 0)
		if err != nil || len(all) != 3 {
			t.Fatalf("%d, %v", len(all), err)
		}
		for _, i := range all {
			if i.Request.Name != "f" || i.Size != 6000 || i.Stats.Bytes != 512 || i.Outcome != transfer.Running || i.Reason != "ok" {
				t.Errorf("%+v", i)
			}
			if fmt.Sprint(i.LogValue()) == "" {
				t.Error("nothing to log")
			}
		}
		if few, err := s.Active(ctx(t), 2); err != nil || len(few) != 2 {
			t.Errorf("%d, %v", len(few), err)
		}
	})
}

// TestManyTransfers: thousands at once, each served fairly, for little memory.
func TestManyTransfers(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		n := size(300, 50, 2000)
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) {
			s.SinglePort = single
			s.MaxTransfersPerIP = -1
		})
		b := noise(size(100_000, 20_000, 256<<10))
		s.put(t, "f", b)
		took := make(chan time.Duration, n)
		start := make(chan struct{})
		for range n {
			go func() {
				<-start
				c := s.client()
				c.WindowSize = 4
				var got bytes.Buffer
				begin := time.Now()
				_, err := c.Get(ctx(t), "f", &got)
				if err != nil || !bytes.Equal(got.Bytes(), b) {
					t.Errorf("%d bytes, %v", got.Len(), err)
				}
				took <- time.Since(begin)
			}()
		}
		close(start)
		for range n {
			<-took
		}
		if st := s.Stats(); st.Failed != 0 || st.Refused != 0 {
			t.Errorf("%+v", st)
		}
	})
	if os.Getenv("CALANDRIA_SOAK") == "" {
		t.Log("the fairness of 2,000 transfers is measured by bench/cmd/tftp")
	}
}
