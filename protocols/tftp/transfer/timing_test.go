package transfer

import (
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// intervals serves a block that nobody acknowledges, after one round trip of rtt, and returns the time-outs.
func intervals(t *testing.T, cfg *Config, rtt time.Duration, options ...string) []time.Duration {
	t.Helper()
	var s Sender
	s.Serve(cfg, request(t, wire.OpRRQ, "octet", append(options, "blksize", "8")...), -1)
	s.Write(make([]byte, 9))
	s.Finish()
	drain(&s, epoch)
	now := epoch.Add(rtt)
	s.Packet(ack(0), now)
	var l []time.Duration
	for {
		drain(&s, now)
		if s.Outcome() != Running {
			return l
		}
		l = append(l, s.Wake().Sub(now))
		now = s.Wake()
		s.Timer(now.Add(-1)) // early: nothing
		s.Timer(now)
	}
}

func TestBackOff(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, c := range []struct {
		name    string
		rtt     time.Duration
		options []string
		want    []time.Duration
	}{
		{"a fast network", ms, nil, []time.Duration{200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5 * s, 5 * s}},
		{"a slow one", 300 * ms, nil, []time.Duration{900 * ms, 1800 * ms, 3600 * ms, 5 * s, 5 * s, 5 * s, 5 * s}},
		{"slower than all", 4 * s, nil, []time.Duration{5 * s, 5 * s, 5 * s, 5 * s, 5 * s, 5 * s, 5 * s}},
		{"agreed", ms, []string{"timeout", "2"}, []time.Duration{2 * s, 4 * s, 5 * s, 5 * s, 5 * s, 5 * s, 5 * s}},
		{"agreed on long", ms, []string{"timeout", "9"}, []time.Duration{9 * s, 9 * s, 9 * s, 9 * s, 9 * s, 9 * s, 9 * s}},
	} {
		got := intervals(t, &Config{Retries: 6}, c.rtt, c.options...)
		if len(got) != len(c.want) {
			t.Fatalf("%s: %v", c.name, got)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v; want %v", c.name, got, c.want)
				break
			}
		}
	}
}

// TestKarn: a round trip that may be of either of two sendings is no sample, and the time-out stays doubled until there is one.
func TestKarn(t *testing.T) {
	var s Sender
	s.Serve(nil, request(t, wire.OpRRQ, "octet", "blksize", "8"), -1)
	s.Write(make([]byte, 8))
	drain(&s, epoch)
	s.Packet(ack(0), later(100)) // 100 + 4*50
	drain(&s, later(100))
	if got := s.Wake().Sub(later(100)); got != 300*time.Millisecond {
		t.Fatal(got)
	}
	s.Timer(later(400))
	drain(&s, later(400))
	s.Packet(ack(1), later(401)) // of the first sending, or of the second?
	s.Write(make([]byte, 8))
	drain(&s, later(401))
	if got := s.Wake().Sub(later(401)); got != 600*time.Millisecond {
		t.Fatal(got)
	}
	s.Packet(ack(2), later(501))
	s.Write(make([]byte, 8))
	drain(&s, later(501))
	if got := s.Wake().Sub(later(501)); got >= 300*time.Millisecond || got < 200*time.Millisecond {
		t.Fatal(got)
	}
}

// TestRepeatingPeerTimesOut: one who sends the same block for ever does not keep the transfer.
func TestRepeatingPeerTimesOut(t *testing.T) {
	var r Receiver
	r.Serve(nil, request(t, wire.OpWRQ, "octet"))
	drain(&r, epoch)
	now := epoch
	for range 100_000 {
		r.Packet(data(1, 512), now)
		drain(&r, now)
		if !r.Wake().After(now) {
			r.Timer(now)
		}
		if r.Outcome() != Running {
			break
		}
		now = now.Add(50 * time.Millisecond)
	}
	if r.Err() != ErrTimeout || now.Sub(epoch) > 3*time.Minute {
		t.Errorf("%v after %v", r.Err(), now.Sub(epoch))
	}
}
