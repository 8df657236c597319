package tftp_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
)

// both runs a test on ports of their own and on one.
func both(t *testing.T, f func(t *testing.T, single bool)) {
	for _, single := range []bool{false, true} {
		t.Run(fmt.Sprintf("single=%v", single), func(t *testing.T) { f(t, single) })
	}
}

// TestNoAmplification: who does not answer gets at most four datagrams, none above 1,432 bytes, whatever it asked for.
func TestNoAmplification(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
			writable(s, f)
			s.SinglePort = single
			s.Transfer = transfer.Config{InitialRTO: 10 * time.Millisecond, MinRTO: 10 * time.Millisecond, MaxRTO: 20 * time.Millisecond}
		})
		s.put(t, "f", noise(1<<20))
		for i, request := range []string{
			rrq("f"), rrq("f", "blksize", "65464", "windowsize", "64", "tsize", "0"), wrq("g"), wrq("g", "blksize", "65464"), rrq("nothing"),
		} {
			p := newPeer(t, s.addr)
			server := p.to
			for range 10 {
				p.WriteTo([]byte(request), server)
			}
			i := s.report(t, i+1)
			if i.Request.Asked != "nothing" && i.Reason != "timeout" {
				t.Errorf("%+v", i)
			}
			got := 0
			p.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			for b := make([]byte, 65536); ; got++ {
				n, _, err := p.ReadFromUDP(b)
				if err != nil {
					break
				}
				if n > 1432 {
					t.Errorf("%.20q: %d bytes", request, n)
				}
			}
			if got == 0 || got > 4 && i.Request.Asked != "nothing" {
				t.Errorf("%.20q: %d datagrams", request, got)
			}
		}
	})
}

// TestRepeatedRequest: it does not begin a second transfer.
func TestRepeatedRequest(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.SinglePort = single })
		s.put(t, "f", noise(600))
		p := newPeer(t, s.addr)
		server := p.to
		p.send(rrq("f"))
		first := p.receive()
		transferred := p.to
		p.WriteTo([]byte(rrq("f")), server)
		if again := p.receive(); again != first || p.to.Port != transferred.Port {
			t.Errorf("a repeated request was answered with %.10q from %v; the first with %.10q from %v", again, p.to, first, transferred)
		}
		p.send("\x00\x04\x00\x01")
		if got := p.receive(); !strings.HasPrefix(got, "\x00\x03\x00\x02") || len(got) != 4+88 {
			t.Errorf("%.10q", got)
		}
		p.WriteTo([]byte(rrq("f")), server) // it was long on the way
		p.silent(50 * time.Millisecond / 5)
		p.send("\x00\x04\x00\x02")
		if i := s.report(t, 1); i.Outcome != transfer.Completed || i.Stats.Bytes != 600 {
			t.Errorf("%+v", i)
		}
		if st := s.Stats(); st.Reads != 1 || st.Repeated != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// TestNewRequestFromTheSamePort: boot programs use one port for all; the transfer before is over then.
func TestNewRequestFromTheSamePort(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.SinglePort = single })
		s.put(t, "f", noise(600))
		s.put(t, "g", []byte("other"))
		p := newPeer(t, s.addr)
		server := p.to
		p.send(rrq("f"))
		p.receive()
		p.to = server
		p.send(rrq("g"))
		if got := p.receive(); got != "\x00\x03\x00\x01other" {
			t.Errorf("%.20q", got)
		}
		p.send("\x00\x04\x00\x01")
		if i := s.report(t, 1); i.Reason != "replaced" || i.Request.Name != "f" {
			t.Errorf("%+v", i)
		}
		if i := s.report(t, 2); i.Outcome != transfer.Completed {
			t.Errorf("%+v", i)
		}
	})
}

// TestStranger: a packet from another port gets ERROR 5, and the transfer goes on.
func TestStranger(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.SinglePort = single })
		s.put(t, "f", noise(600))
		p, other := newPeer(t, s.addr), newPeer(t, s.addr)
		p.send(rrq("f"))
		p.receive()
		other.to = p.to
		other.send("\x00\x05\x00\x00die\x00")
		other.send("\x00\x04\x00\x01")
		if got := other.receive(); !strings.HasPrefix(got, "\x00\x05\x00\x05") {
			t.Errorf("%q", got)
		}
		p.send("\x00\x04\x00\x01")
		p.receive()
		p.send("\x00\x04\x00\x02")
		if i := s.report(t, 1); i.Outcome != transfer.Completed {
			t.Errorf("%+v", i)
		}
		if n := s.Stats().Strangers; n != 2 {
			t.Errorf("%d strangers", n)
		}
	})
}

// TestDuplicateAcks: the sorcerer's apprentice is not called.
func TestDuplicateAcks(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) {
			s.SinglePort = single
			s.Transfer = transfer.Config{}
		})
		s.put(t, "f", noise(1<<20))
		p := newPeer(t, s.addr)
		p.send(rrq("f"))
		p.receive()
		for n := range 5 {
			for range 3 {
				p.send("\x00\x04\x00" + string(rune(n+1)))
			}
			if got := p.receive(); got[3] != byte(n+2) {
				t.Fatalf("%.4q", got)
			}
		}
		p.silent(20 * time.Millisecond)
		p.send("\x00\x05\x00\x00\x00")
	})
}

// TestBootPrograms: the options of iPXE, U-Boot, EDK2, GRUB and the probe for the size, in their spelling.
func TestBootPrograms(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.SinglePort = single })
		s.put(t, "boot", noise(3000))
		s.put(t, "empty", nil)
		n := 0
		for _, c := range []struct{ request, oack string }{
			{rrq("boot", "blksize", "1432", "tsize", "0"), "\x00\x06blksize\x001432\x00tsize\x003000\x00"},                                        // iPXE
			{rrq("boot", "timeout", "5", "tsize", "0", "blksize", "1468"), "\x00\x06timeout\x005\x00tsize\x003000\x00blksize\x001468\x00"},        // U-Boot
			{rrq("boot", "timeout", "5", "blksize", "1468", "windowsize", "4"), "\x00\x06timeout\x005\x00blksize\x001468\x00windowsize\x004\x00"}, // U-Boot
			{rrq("/boot", "tsize", "0", "blksize", "1468", "windowsize", "4"), "\x00\x06tsize\x003000\x00blksize\x001468\x00windowsize\x004\x00"}, // EDK2
			{rrq(`\boot`, "blksize", "1024", "tsize", "0"), "\x00\x06blksize\x001024\x00tsize\x003000\x00"},                                       // GRUB
			{rrq("boot", "BLKSIZE", "512", "TSize", "0", "utimeout", "100", "multicast", ""), "\x00\x06BLKSIZE\x00512\x00TSize\x003000\x00"},      // who shouts, and asks for what nobody has
			{rrq("boot", "blksize", "65535", "windowsize", "65535"), "\x00\x06blksize\x0065464\x00windowsize\x004\x00"},                           // more than there is
			{rrq("empty", "tsize", "0", "blksize", "1468"), "\x00\x06blksize\x001468\x00"},                                                        // curl takes a tsize of 0 for an error
		} {
			p := newPeer(t, s.addr)
			p.send(c.request)
			if got := p.receive(); got != c.oack {
				t.Errorf("%q: %q; want %q", c.request, got, c.oack)
			}
			p.send("\x00\x05\x00\x08User aborted the transfer\x00") // it only wanted to know the size
			n++
			if i := s.report(t, n); i.Outcome != transfer.Declined {
				t.Errorf("a probe ended as %+v", i)
			}
		}
		if st := s.Stats(); st.Failed != 0 || st.Declined != uint64(n) || st.Active != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestManyBlocksAreWarnedAbout: the operator learns which client may not get past block 65,535.
func TestManyBlocksAreWarnedAbout(t *testing.T) {
	var log logBuffer
	s := newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.Logger = log.logger() })
	s.put(t, "big", make([]byte, 65535*8))
	s.put(t, "fits", make([]byte, 65535*8-1))
	for _, name := range []string{"fits", "big"} {
		p := newPeer(t, s.addr)
		p.send(rrq(name, "blksize", "8"))
		p.receive()
		if got, want := strings.Count(log.String(), "65,535"), map[string]int{"fits": 0, "big": 1}[name]; got != want {
			t.Errorf("%s: %d warnings: %s", name, got, log.String())
		}
		p.send("\x00\x05\x00\x08\x00")
	}
}

// TestLastAckIsRepeated: when it is lost, the client asks again.
func TestLastAckIsRepeated(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
			writable(s, f)
			s.SinglePort = single
			s.Transfer = transfer.Config{}
		})
		p := newPeer(t, s.addr)
		p.send(wrq("f", "tsize", "5"))
		if got := p.receive(); got != "\x00\x06tsize\x005\x00" {
			t.Errorf("%q", got)
		}
		for range 3 {
			p.send("\x00\x03\x00\x01hello")
			if got := p.receive(); got != "\x00\x04\x00\x01" {
				t.Errorf("%q", got)
			}
		}
		if i := s.report(t, 1); i.Outcome != transfer.Completed || i.Stats.Bytes != 5 {
			t.Errorf("%+v", i)
		}
		if got := s.file(t, "f"); !bytes.Equal(got, []byte("hello")) {
			t.Errorf("%q", got)
		}
		if st := s.Stats(); st.Active != 0 || st.Completed != 1 {
			t.Errorf("%+v", st)
		}
	})
}
