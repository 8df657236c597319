package tftp

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// Info is a transfer, in progress or ended.
type Info struct {
	// ID is unique in the server.
	ID uint64
	// Request is what was asked for. Its Name is empty if the request could not be read.
	Request Request
	// Begin is when the request came.
	Begin time.Time
	// Took is how long ago that is, or was at the end.
	Took time.Duration
	// Agreed are the options. Its Size is the file's if both sides know it.
	Agreed transfer.Agreement
	// Stats are the counts.
	Stats transfer.Stats
	// Size is the file's if we know it, else -1.
	Size int64
	// Outcome is how it stands or ended. Declined: the client only wanted to know the options, which is no failure.
	Outcome transfer.Outcome
	// Err is why it failed.
	Err error
	// Reason is a short label of Err, "ok" for none.
	Reason string
}

// LogValue makes an Info an attribute group of package slog: one line for an access log.
func (t *Info) LogValue() slog.Value {
	op := "read"
	if t.Request.Write {
		op = "write"
	}
	a := []slog.Attr{
		slog.String("client", t.Request.Client.String()), slog.String("op", op), slog.String("file", t.Request.Asked),
		slog.String("mode", t.Request.Mode.String()), slog.String("outcome", t.Outcome.String()), slog.String("reason", t.Reason),
		slog.Int64("bytes", t.Stats.Bytes), slog.Int64("blocks", t.Stats.Blocks), slog.Int64("resent", t.Stats.Resent),
		slog.Int64("timeouts", t.Stats.Timeouts), slog.Duration("took", t.Took),
		slog.Int("blksize", t.Agreed.BlockSize), slog.Int("windowsize", t.Agreed.WindowSize),
	}
	if t.Request.Name != t.Request.Asked {
		a = append(a, slog.String("name", t.Request.Name))
	}
	if t.Agreed.Timeout > 0 {
		a = append(a, slog.Duration("timeout", t.Agreed.Timeout))
	}
	if t.Size >= 0 {
		a = append(a, slog.Int64("size", t.Size))
	}
	if t.Err != nil {
		a = append(a, slog.String("err", t.Err.Error()))
	}
	return slog.GroupValue(a...)
}

// Stats are the counters of a Server since it began.
type Stats struct {
	// Reads and Writes count the requests that were taken, Refused those that were not.
	Reads, Writes, Refused uint64
	// Completed, Declined and Failed count the transfers that have ended.
	Completed, Declined, Failed uint64
	// Active are the transfers in progress.
	Active int64
	// BytesOut and BytesIn are of files, Blocks the blocks of both.
	BytesOut, BytesIn, Blocks uint64
	// Resent counts repetitions, Timeouts time-outs, of transfers that have ended.
	Resent, Timeouts uint64
	// Strangers counts packets of no transfer, Malformed requests that could not be read, Repeated those that were sent
	// again while their transfer ran, Broadcasts those that were sent to everybody, and ignored.
	Strangers, Malformed, Repeated, Broadcasts uint64
}

// counts is Stats as it is counted, by all loops.
type counts struct {
	reads, writes, refused, completed, declined, failed atomic.Uint64
	active                                              atomic.Int64
	bytesOut, bytesIn, blocks, resent, timeouts         atomic.Uint64
	strangers, malformed, repeated, broadcasts          atomic.Uint64
}

// Stats gives the counters. Any goroutine.
func (s *Server) Stats() Stats {
	c := &s.counts
	return Stats{
		Reads: c.reads.Load(), Writes: c.writes.Load(), Refused: c.refused.Load(),
		Completed: c.completed.Load(), Declined: c.declined.Load(), Failed: c.failed.Load(), Active: c.active.Load(),
		BytesOut: c.bytesOut.Load(), BytesIn: c.bytesIn.Load(), Blocks: c.blocks.Load(),
		Resent: c.resent.Load(), Timeouts: c.timeouts.Load(),
		Strangers: c.strangers.Load(), Malformed: c.malformed.Load(), Repeated: c.repeated.Load(), Broadcasts: c.broadcasts.Load(),
	}
}

// Active lists the transfers in progress, at most max, 0 for all. It asks the loops and waits for them: not on a loop.
func (s *Server) Active(ctx context.Context, max int) ([]Info, error) {
	s.init()
	s.mu.Lock()
	hubs := s.hubs
	s.mu.Unlock()
	var all []Info
	for _, h := range hubs {
		end := h.end.Load()
		if end == nil {
			continue
		}
		got := make(chan []Info, 1)
		if !end.Post(func() { got <- h.active(max) }) {
			continue
		}
		select {
		case list := <-got:
			all = append(all, list...)
		case <-ctx.Done():
			return all, ctx.Err()
		}
		if max > 0 && len(all) >= max {
			return all[:max], nil
		}
	}
	return all, nil
}

// count adds a transfer that has ended to the counters.
func (s *Server) count(t *Info) {
	c := &s.counts
	switch t.Outcome {
	case transfer.Completed:
		c.completed.Add(1)
	case transfer.Declined:
		c.declined.Add(1)
	default:
		c.failed.Add(1)
	}
	if t.Request.Write {
		c.bytesIn.Add(uint64(t.Stats.Bytes))
	} else {
		c.bytesOut.Add(uint64(t.Stats.Bytes))
	}
	c.blocks.Add(uint64(t.Stats.Blocks))
	c.resent.Add(uint64(t.Stats.Resent))
	c.timeouts.Add(uint64(t.Stats.Timeouts))
}

// refused reports a request that became no transfer.
func (s *Server) refused(req Request, now time.Time, err error) {
	s.counts.refused.Add(1)
	if s.OnEnd == nil {
		return
	}
	s.OnEnd(&Info{
		ID: s.ids.Add(1), Request: req, Begin: now, Size: -1, Outcome: transfer.Failed, Err: err, Reason: reasonOf(err),
		Agreed: transfer.Agreement{BlockSize: wire.DefaultBlockSize, WindowSize: 1, Size: -1},
	})
}
