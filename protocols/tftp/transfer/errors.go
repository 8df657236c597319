package transfer

import (
	"fmt"
	"os"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// Why a transfer ends, beside the [*wire.RemoteError] that a peer's ERROR is.
var (
	// ErrTimeout: the peer was silent through all retries. It is os.ErrDeadlineExceeded.
	ErrTimeout = fmt.Errorf("tftp: the peer does not answer: %w", os.ErrDeadlineExceeded)
	// ErrUnconfirmed: all was sent, and only the last block was never acknowledged. Many
	// clients quit without that ACK, so the file has most likely arrived.
	ErrUnconfirmed = fmt.Errorf("tftp: no ACK of the last block: %w", os.ErrDeadlineExceeded)
	// ErrShort: what came is shorter than announced, however often the end was sent.
	ErrShort = fmt.Errorf("tftp: the file ends before its announced size: %w", os.ErrDeadlineExceeded)
	// ErrTooLarge: the file is larger than Config.MaxSize.
	ErrTooLarge = &wire.Error{Code: wire.CodeDiskFull, Reason: "too_large", Section: "RFC 1350 appendix", Msg: "file larger than the limit"}
	// ErrBlockTooLong: a block has more bytes than were agreed on.
	ErrBlockTooLong = &wire.Error{
		Code: wire.CodeIllegal, Reason: "block_too_long", Section: "RFC 2348", Msg: "block larger than the agreed blksize",
	}
	// ErrUnasked: the OACK has an option that was not asked for.
	ErrUnasked = &wire.Error{
		Code: wire.CodeOption, Reason: "unasked_option", Section: "RFC 2347 2", Msg: "OACK with an option that was not requested",
	}
	// ErrBadOption: the OACK has a value that does not go with the one asked for.
	ErrBadOption = &wire.Error{
		Code: wire.CodeOption, Reason: "bad_oack_value", Section: "RFC 2347 2", Msg: "OACK with a value that was not offered",
	}
	// ErrAborted: Abort was called without a reason.
	ErrAborted = &wire.Error{Code: wire.CodeUndefined, Reason: "aborted", Section: "RFC 1350 7", Msg: "transfer aborted"}
)

// Outcome is how a transfer stands.
type Outcome uint8

// The outcomes.
const (
	Running   Outcome = iota // not over; call Timer and Handle
	Completed                // all bytes went over, and both sides know
	Declined                 // the peer answered the OACK with ERROR: it wanted to know the options, or did not like them
	Failed                   // see Err
)

// String is the outcome in one word, for logs and metrics.
func (o Outcome) String() string {
	switch o {
	case Running:
		return "running"
	case Completed:
		return "completed"
	case Declined:
		return "declined"
	}
	return "failed"
}

// Stats count what happened in one transfer.
type Stats struct {
	Bytes     int64 // of the file: acknowledged (Sender), or delivered (Receiver)
	Blocks    int64 // acknowledged or delivered
	Sent      int64 // packets that Next returned
	Resent    int64 // of these, repetitions
	Timeouts  int64 // that the timer fired
	Ignored   int64 // packets that were late, double, damaged or out of place
	Gaps      int64 // gaps that a Receiver saw, rewinds inside a window of a Sender
	Malformed int64 // datagrams that did not parse
}
