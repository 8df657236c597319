package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/smtp"
)

var (
	errForNow  = &smtp.Error{Step: smtp.StepRcpt, Code: 451, Text: "later"}
	errForGood = &smtp.Error{Step: smtp.StepRcpt, Code: 550, Text: "no"}
)

// sender notes when it is asked, and answers by subject.
type sender struct {
	mu     sync.Mutex
	begin  time.Time
	at     []time.Duration
	answer func(n int, m *smtp.Message) error
	wait   time.Duration
	now    int
	most   int
}

func (s *sender) Send(ctx context.Context, m *smtp.Message) error {
	s.mu.Lock()
	s.at = append(s.at, time.Since(s.begin))
	n := len(s.at)
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	if s.wait > 0 {
		select {
		case <-time.After(s.wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.answer(n, m)
}

// results are what Done was told.
type results struct {
	mu  sync.Mutex
	all []string
}

func (r *results) done(m *smtp.Message, attempts int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprintf("%s after %d: %v", m.Subject, attempts, err))
}

func (r *results) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.all, "; ")
}

func letter(subject string) *smtp.Message {
	m := hello()
	m.Subject = subject
	return m
}

// When the attempts are made: at once, after a minute, two, four, up to an hour, each a half less at the most; given up after a day.
func TestQueueRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{begin: time.Now(), answer: func(int, *smtp.Message) error { return errForNow }}
		var r results
		q := &smtp.Queue{Client: s, Done: r.done}
		if err := q.Add(letter("a")); err != nil {
			t.Fatal(err)
		}
		<-time.After(48 * time.Hour)
		if got := r.String(); !strings.HasSuffix(got, ": "+errForNow.Error()) || strings.Contains(got, ";") {
			t.Errorf("%s", got)
		}
		if s.at[0] != 0 || len(s.at) < 24 || len(s.at) > 60 {
			t.Errorf("%d attempts, the first after %v", len(s.at), s.at[0])
		}
		most := time.Minute
		different := false
		for i := 1; i < len(s.at); i++ {
			d := s.at[i] - s.at[i-1]
			if d < most/2 || d > most+time.Millisecond {
				t.Errorf("attempt %d came %v after the one before; want %v to %v", i+1, d, most/2, most)
			}
			different = different || d != most && d != most/2
			most = min(2*most, time.Hour)
		}
		if last := s.at[len(s.at)-1]; last < 24*time.Hour || last > 25*time.Hour || !different {
			t.Errorf("the last after %v; at random: %v", last, different)
		}
		if st := q.Stats(); st.Failed != 1 || st.Retries != uint64(len(s.at)-1) || st.Waiting != 0 || st.Bytes != 0 {
			t.Errorf("%+v", st)
		}
		q.Close(t.Context())
	})
}

func TestQueueOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := map[string]int{}
		var mu sync.Mutex
		s := &sender{begin: time.Now(), answer: func(_ int, m *smtp.Message) error {
			mu.Lock()
			tries[m.Subject]++
			n := tries[m.Subject]
			mu.Unlock()
			switch {
			case m.Subject == "for good":
				return errForGood
			case m.Subject == "third time" && n < 3:
				return errForNow
			case m.Subject == "broken once" && n < 2:
				return &smtp.Error{Step: smtp.StepDial, Err: io.EOF}
			case m.Subject == "too slow once" && n < 2:
				return context.DeadlineExceeded
			case m.Subject == "panics":
				panic("no")
			case m.Subject == "odd":
				return errors.New("odd")
			}
			return nil
		}}
		var r results
		q := &smtp.Queue{Client: s, Done: r.done, Workers: 1, Logger: slog.New(slog.DiscardHandler)}
		for _, subject := range []string{"fine", "for good", "third time", "broken once", "too slow once", "panics", "odd"} {
			if err := q.Add(letter(subject)); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Hour)
		for _, want := range []string{
			"fine after 1: <nil>", "for good after 1: " + errForGood.Error(), "third time after 3: <nil>", "broken once after 2: <nil>",
			"too slow once after 2: <nil>", "panics after 1: smtp: the sender panicked: no", "odd after 1: odd",
		} {
			if !strings.Contains(r.String(), want) {
				t.Errorf("%q is not in %q", want, r.String())
			}
		}
		if st := q.Stats(); st.Added != 7 || st.Sent != 4 || st.Failed != 3 || st.Retries != 4 || st.Waiting+st.Sending != 0 || st.Bytes != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestQueueBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{begin: time.Now(), wait: time.Minute, answer: func(int, *smtp.Message) error { return nil }}
		q := &smtp.Queue{Client: s, MaxMessages: 5, Workers: 2}
		for i := range 5 {
			if err := q.Add(letter(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Add(letter("one more")); !errors.Is(err, smtp.ErrQueueFull) {
			t.Errorf("%v", err)
		}
		if st := q.Stats(); st.Sending != 2 || st.Waiting != 3 || st.Refused != 1 {
			t.Errorf("%+v", st)
		}
		<-time.After(10 * time.Minute)
		if s.most != 2 || len(s.at) != 5 {
			t.Errorf("%d at a time, %d in all", s.most, len(s.at))
		}
		bad := letter("a\r\nb")
		if err := q.Add(bad); !errors.Is(err, smtp.ErrInjection) {
			t.Errorf("%v", err)
		}
		q.MaxBytes = 5000
		big := letter("big")
		big.Text = strings.Repeat("x", 3000)
		if err := errors.Join(q.Add(big)); err != nil {
			t.Error(err)
		}
		if err := q.Add(big); !errors.Is(err, smtp.ErrQueueFull) {
			t.Errorf("%v", err)
		}
		<-time.After(time.Hour)
		if err := q.Add(big); err != nil {
			t.Errorf("what was sent still counts: %v", err)
		}
		<-time.After(time.Hour)
		if err := new(smtp.Queue).Add(hello()); !errors.Is(err, smtp.ErrConfig) {
			t.Errorf("without a client: %v", err)
		}
	})
}

// An attempt has its time; Close waits for those on their way, as long as it may, and gives the rest back.
func TestQueueClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{begin: time.Now(), wait: time.Hour, answer: func(int, *smtp.Message) error { return nil }}
		var r results
		q := &smtp.Queue{Client: s, Done: r.done, Workers: 1, AttemptTimeout: -1}
		q.Add(letter("sending"))
		q.Add(letter("waiting"))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		left := q.Close(ctx)
		if d := time.Since(start); d != time.Minute || len(left) != 2 || left[0].Subject != "waiting" || r.String() != "" {
			t.Errorf("after %v: %v, %q", d, left, r.String())
		}
		if err := q.Add(letter("late")); !errors.Is(err, smtp.ErrQueueClosed) {
			t.Errorf("%v", err)
		}
		if left := q.Close(t.Context()); len(left) != 0 || q.Stats().Bytes != 0 {
			t.Errorf("again: %v, %+v", left, q.Stats())
		}

		q = &smtp.Queue{Client: s, Done: r.done, AttemptTimeout: -1}
		q.Add(letter("an hour"))
		if left := q.Close(t.Context()); len(left) != 0 || r.String() != "an hour after 1: <nil>" {
			t.Errorf("%v, %q", left, r.String())
		}
		if left := new(smtp.Queue).Close(t.Context()); left != nil {
			t.Errorf("%v", left)
		}
	})
}

// The whole of it: a queue, a client, a server that is busy at first.
func TestQueueWithClient(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	busy := 2
	s := serve(t, &server{data: func() error {
		mu.Lock()
		defer mu.Unlock()
		if busy > 0 {
			busy--
			return errLater
		}
		return nil
	}}, smtp.TLSStartTLS)
	over := make(chan error, 1)
	q := &smtp.Queue{
		Client: client(t, s, smtp.TLSStartTLS), FirstDelay: time.Millisecond,
		Done: func(_ *smtp.Message, attempts int, err error) {
			if attempts != 3 {
				t.Errorf("%d attempts", attempts)
			}
			over <- err
		},
	}
	if err := q.Add(hello()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-over:
		if err != nil || len(s.messages()) != 1 {
			t.Errorf("%v, %d messages", err, len(s.messages()))
		}
	case <-time.After(patience):
		t.Error("nothing")
	}
	q.Close(t.Context())
}
