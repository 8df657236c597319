package transfer

import (
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// The fuzz targets drive one machine with any packets and any clock: it ends when the script ends and only its
// timer is left, it sends no more than it may, and it delivers no more than came.

// script are the steps: an opcode and what it needs.
type script struct{ b []byte }

func (s *script) next() byte {
	if len(s.b) == 0 {
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

func (s *script) block() uint16 { return uint16(s.next())<<8 | uint16(s.next()) }

// wire takes n bytes of the script for a datagram.
func (s *script) wire() []byte {
	n := min(int(s.next()), len(s.b))
	p := s.b[:n]
	s.b = s.b[n:]
	return p
}

// wait moves the clock, up or to the timer.
func (s *script) wait(m machine, now time.Time) time.Time {
	if c := s.next(); c < 128 || m.Wake().IsZero() {
		now = now.Add(time.Duration(c) * 10 * time.Millisecond)
	} else if m.Wake().After(now) {
		now = m.Wake()
	}
	m.Timer(now)
	return now
}

var fuzzOptions = [][]string{
	nil,
	{"blksize", "8"},
	{"blksize", "8", "windowsize", "4", "tsize", "0"},
	{"windowsize", "64", "blksize", "16", "rollover", "1"},
	{"TIMEOUT", "1", "blksize", "9", "tsize", "20"},
}

// finish runs the timer alone until the end.
func finish(t *testing.T, m machine, now time.Time) {
	for range 200 {
		for m.Next(now) != nil {
		}
		if m.Outcome() != Running {
			if !m.Wake().IsZero() || (m.Outcome() == Failed) != (m.Err() != nil && m.Outcome() != Declined) {
				t.Fatalf("%v, %v, timer %v", m.Outcome(), m.Err(), m.Wake())
			}
			return
		}
		if m.Wake().IsZero() {
			t.Fatal("it waits for nothing")
		}
		now = m.Wake()
		m.Timer(now)
	}
	t.Fatal("no end")
}

func FuzzSender(f *testing.F) {
	f.Add(byte(0), []byte("\x00\x00\x01\x00\x00\x02"))
	f.Add(byte(2), []byte("\x00\x00\x00\x03\xff\x00\x00\x02\x01\x10\x00\x00\x04"))
	f.Add(byte(3), []byte("\x00\x00\x00\x04\x00\x00\x40\x00\x00\x20\x02\xff\x02\xff\x05"))
	f.Add(byte(9), []byte("\x00\x00\x00\x03\x04\x00\x04\x00\x00\x01\x20\x02\xff"))
	f.Add(byte(8), []byte("\x03\x0c\x00\x06blksize\x008\x00\x01\x20\x00\x00\x01\x05"))
	f.Fuzz(func(t *testing.T, kind byte, steps []byte) {
		var s Sender
		cfg := &Config{Retries: 4}
		o := fuzzOptions[int(kind)%len(fuzzOptions)]
		req := request(t, wire.OpRRQ, "octet", o...)
		server := int(kind)/len(fuzzOptions)%2 == 0
		if server {
			s.Serve(cfg, req, 100)
		} else if err := s.Put(cfg, "f", wire.Octet, &Options{BlockSize: 8, WindowSize: 4, Size: true}, 100); err != nil {
			t.Fatal(err)
		}
		now, sc := epoch, &script{steps}
		written, acked := int64(0), int64(0)
		for len(sc.b) > 0 {
			sent := s.Stats().Sent
			for i := 0; s.Next(now) != nil; i++ {
				if i > s.Agreed().WindowSize {
					t.Fatal("more than a window at once")
				}
			}
			if n := s.Stats().Sent; server && !s.Answered() && n > 4 || n-sent > int64(s.Agreed().WindowSize)+1 {
				t.Fatalf("%d packets", n)
			}
			switch sc.next() % 6 {
			case 0:
				s.Packet(ack(sc.block()), now)
			case 1:
				written += int64(s.Write(make([]byte, sc.next())))
			case 2:
				now = sc.wait(&s, now)
			case 3:
				s.Packet(sc.wire(), now)
			case 4:
				s.Handle(req, now)
			case 5:
				s.Finish()
			}
			st := s.Stats()
			if st.Blocks < acked || st.Bytes > written || s.Space() < 0 || s.Space() > s.Agreed().WindowSize*s.Agreed().BlockSize {
				t.Fatalf("%+v of %d written, space %d", st, written, s.Space())
			}
			acked = st.Blocks
			if s.Outcome() == Completed && st.Bytes != written {
				t.Fatalf("completed with %d of %d", st.Bytes, written)
			}
		}
		s.Finish()
		finish(t, &s, now)
	})
}

func FuzzReceiver(f *testing.F) {
	f.Add(byte(0), []byte("\x00\x00\x01\x08\x00\x00\x02\x05\x05"))
	f.Add(byte(2), []byte("\x00\x00\x01\x08\x00\x00\x03\x08\x00\x00\x02\x08\x02\xff\x00\x00\x03\x01\x05\x00\x00\x03\x01"))
	f.Add(byte(3), []byte("\x00\x00\x02\x10\x02\xff\x04\x01\x05\x00\x00\x01\x10"))
	f.Add(byte(7), []byte("\x03\x0d\x00\x06tsize\x0020\x00\x00\x00\x01\x08"))
	f.Add(byte(5), []byte("\x03\x02\x00\x06\x00\x00\x01\x00\x05\x02\xff"))
	f.Fuzz(func(t *testing.T, kind byte, steps []byte) {
		var r Receiver
		cfg := &Config{Retries: 4, MaxSize: 5000}
		req := request(t, wire.OpWRQ, "octet", fuzzOptions[int(kind)%len(fuzzOptions)]...)
		if int(kind)/len(fuzzOptions)%2 == 0 {
			r.Serve(cfg, req)
		} else if err := r.Get(cfg, "f", wire.Octet, &Options{BlockSize: 8, WindowSize: 4, Size: true}); err != nil {
			t.Fatal(err)
		}
		now, sc := epoch, &script{steps}
		total, ended := int64(0), false
		take := func(b []byte, last bool) {
			if ended && (len(b) > 0 || last) {
				t.Fatal("data behind the last block")
			}
			total, ended = total+int64(len(b)), ended || last
			if len(b) > r.Agreed().BlockSize || total > 5000 || r.Stats().Bytes != total {
				t.Fatalf("%d bytes, %d in all, %+v", len(b), total, r.Stats())
			}
		}
		for len(sc.b) > 0 {
			if first := r.Next(now); first != nil && r.Next(now) != nil {
				t.Fatal("two answers to one packet")
			}
			switch sc.next() % 6 {
			case 0:
				n := sc.block()
				take(r.Packet(data(n, int(sc.next())%20), now))
			case 1:
				now = sc.wait(&r, now)
			case 2:
				now = now.Add(time.Duration(sc.next()) * time.Second)
				r.Timer(now)
			case 3:
				take(r.Packet(sc.wire(), now))
			case 4:
				r.SetSpace(int(sc.next()) - 1)
				r.Handle(req, now)
			case 5:
				r.Commit()
				if r.Committed() && !ended {
					t.Fatal("committed before the last block")
				}
			}
			if r.Outcome() == Completed && !ended {
				t.Fatal("completed without the last block")
			}
		}
		r.SetSpace(-1)
		r.Commit()
		finish(t, &r, now)
	})
}
