package transfer

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

func errorPacket(code wire.ErrorCode) []byte { return wire.AppendError(nil, code) }

// TestProbe: a boot ROM asks for the size, and ends with ERROR 8 as soon as it has it.
func TestProbe(t *testing.T) {
	for code := range wire.CodeOption + 1 {
		var s Sender
		s.Serve(nil, request(t, wire.OpRRQ, "octet", "tsize", "0"), 5)
		drain(&s, epoch)
		s.Packet(errorPacket(code), epoch)
		wantDue(t, &s, epoch, "")
		var remote *wire.RemoteError
		if s.Outcome() != Declined || !errors.As(s.Err(), &remote) || remote.Code != code || !s.Wake().IsZero() {
			t.Errorf("code %d: %v %v", code, s.Outcome(), s.Err())
		}
	}
	var r Receiver
	r.Serve(nil, request(t, wire.OpWRQ, "octet", "blksize", "1024"))
	drain(&r, epoch)
	r.Packet(errorPacket(8), epoch)
	if r.Outcome() != Declined {
		t.Error(r.Outcome())
	}
}

// TestErrorEnds: an ERROR ends a transfer at once, wherever it is, and is not answered.
func TestErrorEnds(t *testing.T) {
	var s Sender
	s.Serve(nil, request(t, wire.OpRRQ, "octet"), -1)
	s.Write(make([]byte, 1000))
	drain(&s, epoch)
	s.Packet(ack(1), epoch)
	s.Packet(errorPacket(3), epoch)
	wantDue(t, &s, epoch, "")
	s.Packet(ack(2), epoch)
	s.Timer(later(60_000))
	wantDue(t, &s, epoch, "")
	if s.Outcome() != Failed || s.Space() != 0 || s.Write([]byte("x")) != 0 {
		t.Error(s.Outcome())
	}
	var r Receiver
	if err := r.Get(nil, "f", wire.Octet, &Options{Size: true}); err != nil {
		t.Fatal(err)
	}
	drain(&r, epoch)
	r.Packet(errorPacket(1), epoch)
	if r.Outcome() != Failed || !errors.Is(r.Err(), fs.ErrNotExist) {
		t.Error(r.Outcome(), r.Err())
	}
	wantDue(t, &r, epoch, "")
	if b, last := r.Packet(data(1, 512), epoch); b != nil || last {
		t.Error("data after the end")
	}
}

// TestAbort: the peer hears the code and not the reason, and the rest of the machine is silent.
func TestAbort(t *testing.T) {
	var r Receiver
	r.Serve(nil, request(t, wire.OpWRQ, "octet"))
	drain(&r, epoch)
	r.Packet(data(1, 10), epoch)
	reason := &fs.PathError{Op: "rename", Path: "/srv/tftp/secret", Err: fs.ErrExist}
	r.Abort(reason)
	p := string(r.Next(epoch))
	if p != "\x00\x05\x00\x06File already exists\x00" || r.Err() != reason {
		t.Errorf("%q, %v", p, r.Err())
	}
	r.Commit()
	r.Abort(nil)
	wantDue(t, &r, epoch, "")
	var s Sender
	s.Serve(nil, request(t, wire.OpRRQ, "octet"), -1)
	s.AbortCode(wire.CodeDiskFull, reason)
	wantDue(t, &s, epoch, "ERROR 3")
	s.AbortCode(wire.CodeNotFound, nil)
	wantDue(t, &s, epoch, "")
	s.Serve(nil, request(t, wire.OpRRQ, "octet"), -1)
	s.Abort(nil)
	wantDue(t, &s, epoch, "ERROR 0")
	if s.Err() != ErrAborted {
		t.Error(s.Err())
	}
}

// TestMaxSize: a write that grows past the limit ends with ERROR 3, whatever it announced.
func TestMaxSize(t *testing.T) {
	var r Receiver
	r.Serve(&Config{MaxSize: 1000}, request(t, wire.OpWRQ, "octet"))
	drain(&r, epoch)
	if b, _ := r.Packet(data(1, 512), epoch); len(b) != 512 {
		t.Fatal(len(b))
	}
	drain(&r, epoch)
	if b, last := r.Packet(data(2, 489), epoch); b != nil || last {
		t.Fatal("above the limit")
	}
	wantDue(t, &r, epoch, "ERROR 3")
	if r.Err() != ErrTooLarge || r.Stats().Bytes != 512 {
		t.Error(r.Err(), r.Stats())
	}
}

// TestShortBlock: a block that would end the file too early is taken for damaged, until the retries are over.
func TestShortBlock(t *testing.T) {
	var r Receiver
	if err := r.Get(&Config{Retries: 2}, "f", wire.Octet, &Options{Size: true}); err != nil {
		t.Fatal(err)
	}
	drain(&r, epoch)
	oack, err := wire.AppendOption(wire.AppendOACK(nil), "tsize", 600)
	if err != nil {
		t.Fatal(err)
	}
	r.Packet(oack, epoch)
	drain(&r, epoch)
	if b, _ := r.Packet(data(1, 200), epoch); b != nil {
		t.Fatal("a short block was taken")
	}
	wantDue(t, &r, epoch, "")
	r.Packet(data(1, 512), epoch)
	wantDue(t, &r, epoch, "ACK 1")
	now := epoch
	for r.Outcome() == Running {
		if _, last := r.Packet(data(2, 80), now); last {
			t.Fatal("a short file was taken")
		}
		drain(&r, now)
		now = r.Wake()
		r.Timer(now)
	}
	if r.Err() != ErrShort {
		t.Error(r.Err())
	}
}

// TestSpace: a window is let in only when there is room for all of it.
func TestSpace(t *testing.T) {
	var r Receiver
	r.Serve(nil, request(t, wire.OpWRQ, "octet", "windowsize", "2"))
	drain(&r, epoch)
	if r.WindowBytes() != 1024 {
		t.Fatal(r.WindowBytes())
	}
	r.SetSpace(1100)
	r.Packet(data(1, 512), epoch)
	r.Packet(data(2, 512), epoch)
	wantDue(t, &r, epoch, "")
	if !r.Wake().IsZero() {
		t.Error("it waits for the peer")
	}
	r.Packet(data(2, 512), epoch)
	wantDue(t, &r, epoch, "")
	r.SetSpace(1023)
	wantDue(t, &r, epoch, "")
	r.SetSpace(1024)
	wantDue(t, &r, epoch, "ACK 2")
	r.SetSpace(511)
	if b, _ := r.Packet(data(3, 512), epoch); b != nil {
		t.Error("taken without room")
	}
	r.SetSpace(512)
	if b, _ := r.Packet(data(3, 512), epoch); len(b) != 512 {
		t.Error("not taken")
	}
}

// TestStranger: another address gets ERROR 5, and the transfer goes on; an ERROR gets no answer.
func TestStranger(t *testing.T) {
	var tid TID[string]
	dst := make([]byte, 0, 64)
	if own, reply := tid.Check("a", ack(1), dst); own || say(reply) != "ERROR 5" {
		t.Error(own, reply)
	}
	tid.Lock("a")
	tid.Lock("b")
	if peer, ok := tid.Peer(); peer != "a" || !ok {
		t.Error(peer)
	}
	if own, reply := tid.Check("a", ack(1), dst); !own || reply != nil {
		t.Error(own, reply)
	}
	if own, reply := tid.Check("b", ack(1), dst); own || say(reply) != "ERROR 5" {
		t.Error(own, reply)
	}
	for _, p := range [][]byte{errorPacket(5), nil, {0}, {0, 4}, {1, 4, 0, 0}} {
		if own, reply := tid.Check("b", p, dst); own || reply != nil {
			t.Errorf("%q: %v %q", p, own, reply)
		}
	}
}

// TestDamaged: what does not parse, or has no place, is dropped and counted.
func TestDamaged(t *testing.T) {
	var s Sender
	s.Serve(nil, request(t, wire.OpRRQ, "octet"), -1)
	s.Write([]byte("hello"))
	s.Finish()
	drain(&s, epoch)
	for _, p := range []string{"", "\x00", "\x00\x04\x00", "\x00\x09\x00\x01", "\x01\x04\x00\x01", "\x00\x01f"} {
		s.Packet([]byte(p), epoch)
	}
	for _, p := range [][]byte{data(1, 5), ack(2), ack(65535), wire.AppendOACK(nil), append([]byte("\x00\x02"), "f\x00octet\x00"...)} {
		s.Packet(p, epoch)
	}
	wantDue(t, &s, epoch, "")
	if got := s.Stats(); got.Malformed != 6 || got.Ignored != 5 {
		t.Errorf("%+v", got)
	}
	s.Packet(ack(1), epoch)
	if s.Outcome() != Completed || s.Stats().Bytes != 5 || s.Err() != nil {
		t.Error(s.Outcome())
	}
}

func TestRolloverNumbers(t *testing.T) {
	for _, r := range []rollover{0, 1} {
		last := uint16(0)
		for n := int64(1); n < 200_000; n++ {
			got, want := r.number(n), last+1
			if last == 65535 {
				want = uint16(r)
			}
			if got != want {
				t.Fatalf("to %d: block %d is %d; want %d", r, n, got, want)
			}
			last = got
			for _, k := range []int64{0, 1, 2, 63, 32768, 65533} {
				if d, ok := r.ahead(n, r.number(n+k)); d != k || !ok {
					t.Fatalf("to %d: %d behind %d is %d, %v", r, k, n, d, ok)
				}
			}
		}
	}
	if _, ok := rollover(1).ahead(70_000, 0); ok {
		t.Error("a block 0")
	}
	for _, n := range []int64{0, 1, 65535, 65536, 1 << 40} {
		if d, _ := rollover(0).ahead(n, rollover(0).number(n+1)); d != 1 {
			t.Error(n, d)
		}
	}
}

// TestNoACKBeforeCommit: an ACK that waited for room behind a gap does not tell the client that all is safe, when the last
// block came meanwhile and the file is not where it belongs yet.
func TestNoACKBeforeCommit(t *testing.T) {
	var r Receiver
	r.Serve(nil, request(t, wire.OpWRQ, "octet", "windowsize", "4"))
	drain(&r, epoch)
	r.SetSpace(1500)
	r.Packet(data(1, 512), epoch)
	r.Packet(data(3, 10), epoch) // a gap, and no room for a window
	wantDue(t, &r, epoch, "")
	r.Packet(data(2, 512), epoch)
	if _, last := r.Packet(data(3, 10), epoch); !last {
		t.Fatal("the last block was not taken")
	}
	r.SetSpace(1 << 20)
	wantDue(t, &r, epoch, "")
	r.Commit()
	wantDue(t, &r, epoch, "ACK 3")
}
