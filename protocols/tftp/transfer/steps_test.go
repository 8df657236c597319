package transfer

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// request makes a parsed request: name and value in turn.
func request(t testing.TB, op wire.Opcode, mode string, options ...string) *wire.Packet {
	t.Helper()
	b := binary.BigEndian.AppendUint16(nil, uint16(op))
	b = append(b, "f\x00"+mode+"\x00"...)
	for _, o := range options {
		b = append(b, o+"\x00"...)
	}
	p, err := wire.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return &p
}

// say renders a packet in short.
func say(b []byte) string {
	p, err := wire.Parse(b)
	if err != nil {
		return err.Error()
	}
	switch p.Op {
	case wire.OpData:
		return fmt.Sprintf("DATA %d:%d", p.Block, len(p.Data))
	case wire.OpAck:
		return fmt.Sprintf("ACK %d", p.Block)
	case wire.OpError:
		return fmt.Sprintf("ERROR %d", p.Code)
	}
	s := p.Op.String()
	for name, value := range p.Options.All() {
		s += fmt.Sprintf(" %s=%s", name, value)
	}
	return s
}

type nexter interface{ Next(time.Time) []byte }

// drain is all that is due, in short.
func drain(m nexter, now time.Time) string {
	var l []string
	for p := m.Next(now); p != nil; p = m.Next(now) {
		l = append(l, say(p))
	}
	return strings.Join(l, ", ")
}

func wantDue(t *testing.T, m nexter, now time.Time, want string) {
	t.Helper()
	if got := drain(m, now); got != want {
		t.Fatalf("due: %q; want %q", got, want)
	}
}

func ack(n uint16) []byte { return wire.AppendAck(nil, n) }

func data(n uint16, size int) []byte {
	b, _ := wire.AppendData(nil, n, make([]byte, size))
	return b
}

// later is a time after the start, in milliseconds.
func later(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

// TestDuplicateAckResendsNothing is the sorcerer's apprentice (RFC 1123 4.2.3.1), with windows of one and of more.
func TestDuplicateAckResendsNothing(t *testing.T) {
	for _, window := range []string{"1", "4"} {
		var s Sender
		s.Serve(nil, request(t, wire.OpRRQ, "octet", "windowsize", window), -1)
		wantDue(t, &s, epoch, "OACK windowsize="+window)
		s.Write(make([]byte, 512*4))
		for range 3 {
			s.Packet(ack(0), later(1))
			if window == "1" {
				drain(&s, later(1))
				s.Write(make([]byte, 512))
			}
		}
		drain(&s, later(1))
		s.Packet(ack(1), later(2))
		s.Write(make([]byte, 512*4))
		drain(&s, later(2))
		for i := range 5 {
			s.Packet(ack(1), later(3+i))
			s.Packet(ack(0), later(3+i))
			wantDue(t, &s, later(3+i), "")
		}
		if got := s.Stats().Ignored; got != 12 {
			t.Errorf("window %s: %d ignored", window, got)
		}
	}
}

// TestWindowGap: one ACK for a gap, and the sender goes on behind it (RFC 7440 4).
func TestWindowGap(t *testing.T) {
	var s Sender
	s.Serve(nil, request(t, wire.OpRRQ, "octet", "windowsize", "4"), -1)
	s.Write(make([]byte, 512*4))
	drain(&s, epoch)
	s.Packet(ack(0), epoch)
	wantDue(t, &s, epoch, "DATA 1:512, DATA 2:512, DATA 3:512, DATA 4:512")
	s.Packet(ack(2), epoch)
	s.Write(make([]byte, 512*2))
	wantDue(t, &s, epoch, "DATA 3:512, DATA 4:512, DATA 5:512, DATA 6:512")
	s.Packet(ack(1), epoch) // late
	wantDue(t, &s, epoch, "")
	if got := s.Stats(); got.Gaps != 1 || got.Resent != 2 {
		t.Errorf("%+v", got)
	}

	var r Receiver
	r.Serve(nil, request(t, wire.OpWRQ, "octet", "windowsize", "4"))
	drain(&r, epoch)
	for _, step := range []struct {
		block uint16
		due   string
	}{
		{1, ""},
		{3, "ACK 1"},
		{4, ""},      // the same gap
		{3, "ACK 1"}, // the sender began again, and 2 is lost again
		{4, ""},
		{2, ""},
		{3, ""},
		{4, ""},
		{5, "ACK 5"},
		{4, ""},      // old
		{5, "ACK 5"}, // its ACK was lost
		{60000, ""},  // from nowhere
	} {
		r.Packet(data(step.block, 512), epoch)
		if got := drain(&r, epoch); got != step.due {
			t.Fatalf("block %d: %q; want %q", step.block, got, step.due)
		}
	}
}

// TestLastAckDallies: the ACK of the last block waits for Commit, and is repeated when the block is.
func TestLastAckDallies(t *testing.T) {
	var r Receiver
	r.Serve(nil, request(t, wire.OpWRQ, "octet"))
	wantDue(t, &r, epoch, "ACK 0")
	if _, last := r.Packet(data(1, 5), epoch); !last {
		t.Fatal("not the last")
	}
	r.Packet(data(1, 5), epoch)
	wantDue(t, &r, epoch, "")
	if r.Committed() || !r.Wake().IsZero() {
		t.Fatal("committed")
	}
	r.Commit()
	wantDue(t, &r, later(0), "ACK 1")
	for ms := 9000; ms < 40_000; ms += 9000 { // each repetition makes it longer, up to four times what it was
		r.Packet(data(1, 5), later(ms))
		wantDue(t, &r, later(ms), "ACK 1")
		if want := later(min(ms+10_000, 40_000)); !r.Wake().Equal(want) {
			t.Fatal(r.Wake(), want)
		}
	}
	r.Timer(later(39_999))
	if r.Outcome() != Running || !r.Wake().Equal(later(40_000)) {
		t.Fatal(r.Outcome(), r.Wake())
	}
	r.Timer(later(40_000))
	if r.Outcome() != Completed || r.Err() != nil || r.Stats().Bytes != 5 {
		t.Fatal(r.Outcome(), r.Err())
	}
	r.Serve(&Config{Dally: -1}, request(t, wire.OpWRQ, "octet"))
	r.Packet(data(1, 0), epoch)
	r.Commit()
	wantDue(t, &r, epoch, "ACK 1")
	if r.Outcome() != Completed {
		t.Fatal("it dallies")
	}
}

// TestRepeatedRequest: neither starts anew, and a forged address gets no more than four packets, timer and repetitions together.
func TestRepeatedRequest(t *testing.T) {
	rrq := request(t, wire.OpRRQ, "octet")
	var s Sender
	s.Serve(nil, rrq, 5)
	s.Write([]byte("hello"))
	s.Finish()
	wantDue(t, &s, epoch, "DATA 1:5")
	for range 3 {
		s.Handle(rrq, epoch)
		wantDue(t, &s, epoch, "DATA 1:5")
	}
	s.Handle(rrq, epoch)
	wantDue(t, &s, epoch, "")
	s.Timer(s.Wake())
	if s.Outcome() != Failed || s.Answered() {
		t.Fatal(s.Outcome())
	}

	wrq := request(t, wire.OpWRQ, "octet", "blksize", "1000")
	var r Receiver
	r.Serve(nil, wrq)
	for range 4 {
		wantDue(t, &r, epoch, "OACK blksize=1000")
		r.Handle(wrq, epoch)
	}
	wantDue(t, &r, epoch, "")
	r.Packet(data(1, 1000), epoch)
	r.Handle(wrq, epoch)
	wantDue(t, &r, epoch, "ACK 1")

	s.Serve(nil, request(t, wire.OpRRQ, "octet", "tsize", "0"), 5)
	sent := 0
	for s.Outcome() == Running {
		for s.Next(s.Wake()) != nil {
			sent++
		}
		s.Timer(s.Wake())
	}
	if sent != 4 {
		t.Errorf("%d packets to one who does not answer", sent)
	}
}

// TestFinalAckLost: a sender whose last block is never acknowledged says so.
func TestFinalAckLost(t *testing.T) {
	var s Sender
	s.Serve(&Config{Retries: 3}, request(t, wire.OpRRQ, "octet"), -1)
	s.Write(make([]byte, 600))
	s.Finish()
	drain(&s, epoch)
	s.Packet(ack(1), later(1))
	now := later(1)
	sent := 0
	for s.Outcome() == Running {
		for s.Next(now) != nil {
			sent++
		}
		now = s.Wake()
		s.Timer(now)
	}
	if s.Err() != ErrUnconfirmed || sent != 4 {
		t.Errorf("%v after %d", s.Err(), sent)
	}
}
