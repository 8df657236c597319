package rtsphttp

import (
	"errors"
	"net/http"
	"os"

	"github.com/calandria-go/calandria/protocols/rtsphttp/internal/pairing"
)

// tunnelError is why a tunnel ended, or a half was refused, with its label.
type tunnelError struct {
	msg, reason string
	is          error // of the standard library
}

func (e *tunnelError) Error() string { return "rtsphttp: " + e.msg }

// CloseReason is the label that package reactor gives to a close by e.
func (e *tunnelError) CloseReason() string { return e.reason }

func (e *tunnelError) Unwrap() error { return e.is }

// Why a tunnel ended: what OnClose of its connections gets, and the keys of Stats.Ended by their labels.
var (
	// ErrPairTimeout: the other half did not come within Config.PairTimeout. It is os.ErrDeadlineExceeded too.
	ErrPairTimeout error = &tunnelError{"the other half did not come", "pair_timeout", os.ErrDeadlineExceeded}
	// ErrPostTimeout: no POST followed the last one within Config.PostLinger. It is os.ErrDeadlineExceeded too.
	ErrPostTimeout error = &tunnelError{"no POST followed the last one", "post_timeout", os.ErrDeadlineExceeded}
	// ErrIdle: no byte came for Config.IdleTimeout. It is os.ErrDeadlineExceeded too.
	ErrIdle error = &tunnelError{"tunnel is idle", "idle", os.ErrDeadlineExceeded}
	// ErrNoReply: the camera did not answer a request within Config.ReplyTimeout. It is os.ErrDeadlineExceeded too.
	ErrNoReply error = &tunnelError{"camera does not answer", "no_reply", os.ErrDeadlineExceeded}
	// ErrSlowViewer: more than Config.MaxQueued bytes waited for the viewer.
	ErrSlowViewer error = &tunnelError{"viewer reads too slowly", "slow_viewer", nil}
	// ErrViewerGone: the viewer ended its GET, or its WebSocket.
	ErrViewerGone error = &tunnelError{"viewer is gone", "viewer_gone", nil}
	// ErrCameraGone: the camera ended its connection.
	ErrCameraGone error = &tunnelError{"camera is gone", "camera_gone", nil}
	// ErrCamera: the camera sent what cannot be understood, where it has to be.
	ErrCamera error = &tunnelError{"camera sent no RTSP", "camera_bad", nil}
	// ErrTooMany: the viewer had too many requests that were not answered, or sent too much on its GET.
	ErrTooMany error = &tunnelError{"viewer sent too much", "viewer_flood", nil}
	// ErrWithdrawn: another POST went on in its place, or the tunnel it was for went on without it.
	ErrWithdrawn error = &tunnelError{"a second POST at a time", "second_post", nil}
)

// refusal is the status that answers a half which is not taken, and its label.
func refusal(err error) (status int, reason string) {
	switch {
	case errors.Is(err, pairing.ErrCookie):
		return http.StatusBadRequest, "bad_cookie"
	case errors.Is(err, pairing.ErrDuplicateGet):
		return http.StatusConflict, "second_get"
	case errors.Is(err, pairing.ErrDuplicatePost):
		return http.StatusConflict, "second_post"
	case errors.Is(err, pairing.ErrSameConn):
		return http.StatusConflict, "same_connection"
	case errors.Is(err, pairing.ErrSpent):
		return http.StatusConflict, "cookie_used"
	case errors.Is(err, pairing.ErrPending):
		return http.StatusServiceUnavailable, "pending_limit"
	case errors.Is(err, pairing.ErrPendingIP):
		return http.StatusServiceUnavailable, "pending_limit_per_ip"
	case errors.Is(err, pairing.ErrSessions):
		return http.StatusServiceUnavailable, "session_limit"
	}
	return http.StatusBadRequest, "other"
}
