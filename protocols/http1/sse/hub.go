package sse

import (
	"crypto/rand"
	"strconv"
	"sync"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Hub sends events to all of its streams. The zero value is ready. Its methods are safe from any goroutine, but for
// Subscribe. It must not be changed once it is used.
type Hub struct {
	// Replay bounds the events that are kept for clients that come back; 0: 256; negative: none is kept.
	Replay int
	// ReplayBytes bounds their bytes; 0: 1 MiB; negative: unlimited.
	ReplayBytes int
	// MaxStreams bounds the streams; 0: 100,000; negative: unlimited.
	MaxStreams int

	mu      sync.Mutex
	streams map[*Stream]struct{}
	kept    []frame
	bytes   int
	epoch   string
	seq     uint64
	closed  bool
}

type frame struct {
	id string
	b  []byte
}

const (
	defaultReplay      = 256
	defaultReplayBytes = 1 << 20
	defaultStreams     = 100_000
)

// Publish sends an event to all streams, and keeps it for those that come back. One without an ID gets one, which no other run
// of the program gives. It frames the event once, and posts to the loop of each stream: about a microsecond each. Clients that do
// not read are dealt with by their stream's Policy.
func (h *Hub) Publish(e Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if h.epoch == "" {
		h.epoch = rand.Text()[:8]
	}
	h.seq++
	if e.ID == "" {
		e.ID = h.epoch + "-" + strconv.FormatUint(h.seq, 10)
	}
	b, err := e.Append(nil)
	if err != nil {
		return err
	}
	h.keepLocked(frame{e.ID, b})
	for s := range h.streams {
		s.push(b)
	}
	return nil
}

func (h *Hub) keepLocked(f frame) {
	if h.Replay < 0 {
		return
	}
	h.kept = append(h.kept, f)
	h.bytes += len(f.b)
	for len(h.kept) > or(h.Replay, defaultReplay) || h.bytes > or(h.ReplayBytes, defaultReplayBytes) {
		h.bytes -= len(h.kept[0].b)
		h.kept[0] = frame{}
		h.kept = h.kept[1:]
	}
}

// Subscribe answers x with a stream of the hub's events: first those that the client has missed, by its Last-Event-ID. If
// that is not known any more, all that are kept, and Stream.Missed says so. A client that comes for the first time gets those
// to come. Loop only. ErrClosed and ErrFull leave x to be answered.
func (h *Hub) Subscribe(x *http1.Exchange, cfg Config) (*Stream, error) {
	h.mu.Lock()
	closed, full := h.closed, len(h.streams) >= or(h.MaxStreams, defaultStreams)
	h.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case full:
		return nil, ErrFull
	}
	s, err := Start(x, cfg)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		s.Close()
		return s, nil
	}
	if h.streams == nil {
		h.streams = map[*Stream]struct{}{}
	}
	h.streams[s] = struct{}{}
	if s.lastID != "" {
		s.replay(h.sinceLocked(s))
	}
	h.mu.Unlock()
	s.OnClose(func(error) {
		h.mu.Lock()
		delete(h.streams, s)
		h.mu.Unlock()
	})
	return s, nil
}

// sinceLocked gives the frames after the stream's Last-Event-ID.
func (h *Hub) sinceLocked(s *Stream) [][]byte {
	from := 0
	s.missed = true
	for i := len(h.kept) - 1; i >= 0; i-- {
		if h.kept[i].id == s.lastID {
			from, s.missed = i+1, false
			break
		}
	}
	var frames [][]byte
	for _, f := range h.kept[from:] {
		frames = append(frames, f.b)
	}
	return frames
}

// Len is the number of streams.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}

// Close ends all streams after what they have queued, as before a Shutdown, which would wait for them.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.kept = nil
	for s := range h.streams {
		s.Close()
	}
}
