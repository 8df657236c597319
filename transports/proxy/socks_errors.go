package proxy

import (
	"io"
	"os"
	"strconv"
	"syscall"
)

// Why there is no connection through a SOCKS5 proxy. Their label, as of reactor.ReasonOf, is "socks". The replies are those of
// RFC 1928, section 6; where there is a system error of the same meaning they are that, too.
var (
	// ErrSOCKSFailure is reply 1: general SOCKS server failure.
	ErrSOCKSFailure = socksError("the proxy failed", nil)
	// ErrSOCKSNotAllowed is reply 2: connection not allowed by ruleset.
	ErrSOCKSNotAllowed = socksError("the proxy's rules do not allow it", syscall.EACCES)
	// ErrSOCKSNetworkUnreachable is reply 3. It is syscall.ENETUNREACH too.
	ErrSOCKSNetworkUnreachable = socksError("network unreachable from the proxy", syscall.ENETUNREACH)
	// ErrSOCKSHostUnreachable is reply 4; many proxies send it for names that they do not find. It is syscall.EHOSTUNREACH too.
	ErrSOCKSHostUnreachable = socksError("host unreachable from the proxy", syscall.EHOSTUNREACH)
	// ErrSOCKSRefused is reply 5. It is syscall.ECONNREFUSED too.
	ErrSOCKSRefused = socksError("connection refused", syscall.ECONNREFUSED)
	// ErrSOCKSTTL is reply 6: TTL expired.
	ErrSOCKSTTL = socksError("TTL expired", syscall.ETIMEDOUT)
	// ErrSOCKSCommand is reply 7: the proxy does not do CONNECT.
	ErrSOCKSCommand = socksError("the proxy does not know CONNECT", nil)
	// ErrSOCKSAddress is reply 8: the proxy does not do addresses of this type.
	ErrSOCKSAddress = socksError("the proxy does not know this type of address", nil)
	// ErrSOCKSReply is any other reply. The text says which.
	ErrSOCKSReply = socksError("unknown reply", nil)

	// ErrSOCKSMethod: the proxy accepts none of the methods: it asks for a login that was not given, or for something else.
	ErrSOCKSMethod = socksError("the proxy accepts no method of authentication", nil)
	// ErrSOCKSLogin: the proxy does not accept the user or the password.
	ErrSOCKSLogin = socksError("the proxy refused user or password", nil)
	// ErrSOCKSTarget: the address cannot be told to a proxy: no host and port, a name of more than 255 bytes or with blanks or
	// characters beyond ASCII, or an address with a zone. Nothing was sent.
	ErrSOCKSTarget = socksError("not an address that can be told to a proxy", nil)
	// ErrSOCKSCredentials: Username and Password need 1 to 255 bytes each, or both none. Nothing was sent.
	ErrSOCKSCredentials = socksError("user and password need 1 to 255 bytes each", nil)
	// ErrSOCKSTimeout: the proxy took longer than HandshakeTimeout. It is os.ErrDeadlineExceeded too.
	ErrSOCKSTimeout = socksError("the proxy took too long", os.ErrDeadlineExceeded)
	// ErrSOCKSClosed: the proxy closed the connection before it had answered. It is io.ErrUnexpectedEOF too.
	ErrSOCKSClosed = socksError("the proxy closed the connection", io.ErrUnexpectedEOF)
	// ErrSOCKSProtocol: what the proxy sent is not SOCKS5. The text says what.
	ErrSOCKSProtocol = socksError("not SOCKS5", nil)
)

// The ways in which an answer is malformed; each is ErrSOCKSProtocol.
var (
	errSOCKSVersion  = socksError("wrong version", ErrSOCKSProtocol)
	errSOCKSChoice   = socksError("the proxy chose a method that was not offered", ErrSOCKSProtocol)
	errSOCKSReserved = socksError("the reserved byte is not zero", ErrSOCKSProtocol)
	errSOCKSAddress  = socksError("unknown type of address in the reply", ErrSOCKSProtocol)
)

func socksError(msg string, is error) *Error {
	return &Error{msg: "socks: " + msg, reason: "socks", is: is}
}

var socksReplies = [...]*Error{
	1: ErrSOCKSFailure, 2: ErrSOCKSNotAllowed, 3: ErrSOCKSNetworkUnreachable, 4: ErrSOCKSHostUnreachable,
	5: ErrSOCKSRefused, 6: ErrSOCKSTTL, 7: ErrSOCKSCommand, 8: ErrSOCKSAddress,
}

// socksReply is the error of a reply that is not 0.
func socksReply(code byte) error {
	if int(code) < len(socksReplies) {
		return socksReplies[code]
	}
	return socksError("reply "+strconv.Itoa(int(code)), ErrSOCKSReply)
}
