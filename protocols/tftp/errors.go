package tftp

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Why a server refuses a request or ends a transfer, beside the errors of package transfer and of its back-ends.
var (
	errDraining    = refusal("draining", wire.CodeUndefined, "the server is shutting down")
	errTooMany     = refusal("too_many_transfers", wire.CodeUndefined, "too many transfers")
	errTooManyOfIP = refusal("too_many_of_ip", wire.CodeUndefined, "too many transfers of this address")
	errMemory      = refusal("memory", wire.CodeUndefined, "over the memory budget")
	errOverload    = refusal("overload", wire.CodeUndefined, "too many blocking tasks")
	errReplaced    = refusal("replaced", wire.CodeUndefined, "the client began another transfer from the same port")
	errShutdown    = refusal("shutdown", wire.CodeUndefined, "the server was shut down")
	errNoRead      = refusal("read_refused", wire.CodeAccess, "this server has nothing to read")
	errNoWrite     = refusal("write_refused", wire.CodeAccess, "this server takes no files")
	errStalled     = refusal("backend_stalled", wire.CodeUndefined, "the back-end takes too long")
	errOpenTimeout = refusal("open_timeout", wire.CodeUndefined, "the back-end did not answer in time")

	// ErrQuota is what a Writer returns for a file that is more than there is room for: the client gets ERROR 3.
	ErrQuota error = refusal("quota", wire.CodeDiskFull, "quota exceeded")
)

func refusal(reason string, code wire.ErrorCode, msg string) *wire.Error {
	return &wire.Error{Code: code, Reason: reason, Section: "server", Msg: msg}
}

// codeOf is wire.CodeOf with what a full disk is called.
func codeOf(err error) wire.ErrorCode {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, errDQuot) || errors.Is(err, syscall.EFBIG) {
		return wire.CodeDiskFull
	}
	if errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ELOOP) {
		return wire.CodeAccess
	}
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) {
		return wire.CodeNotFound
	}
	return wire.CodeOf(err)
}

// reasonOf is a short stable label of an error, for logs and metrics.
func reasonOf(err error) string {
	var e *wire.Error
	var remote *wire.RemoteError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return e.Reason
	case errors.As(err, &remote):
		return "peer_error"
	case errors.Is(err, fs.ErrNotExist):
		return "not_found"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrInvalid):
		return "access"
	case errors.Is(err, fs.ErrExist):
		return "exists"
	case codeOf(err) == wire.CodeDiskFull:
		return "disk_full"
	}
	return reactor.ReasonOf(err)
}
