package wire

import (
	"crypto/rand"
	"crypto/sha1" // RFC 6455 4.2.2 asks for it; it protects nothing
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// Version is the value of Sec-WebSocket-Version (RFC 6455 4.1).
const Version = "13"

const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Accept is the value of Sec-WebSocket-Accept for a key (RFC 6455 4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// NewKey returns a random Sec-WebSocket-Key for a client (RFC 6455 4.1).
func NewKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, it ends the program
	return base64.StdEncoding.EncodeToString(b[:])
}

// validKey reports whether s is 16 bytes in base64.
func validKey(s string) bool {
	var b [18]byte
	if len(s) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(b[:], []byte(s))
	return err == nil && n == 16
}

// Fields are the header fields of a request or response, by index; http1/wire's Request and Response are such.
type Fields interface {
	// NumFields is the number of field lines.
	NumFields() int
	// Field gives the name and the value of one, without the white space around the value.
	Field(i int) (name, value []byte)
}

// Request is what a handshake asks for.
type Request struct {
	Key        string   // of Sec-WebSocket-Key
	Origin     string   // of Origin: what a browser says; empty if there is none
	Protocols  []string // of Sec-WebSocket-Protocol, in the client's order of preference
	Extensions []string // the values of the Sec-WebSocket-Extensions fields, for [Deflate.Accept]
}

// upgradeFields are the fields that a handshake consists of.
type upgradeFields struct {
	upgrade, connection, host     bool
	version, key, accept          string
	versions, keys, accepts       int
	origin                        string
	protocolFields, extensionList []string
}

func readFields(f Fields) (u upgradeFields) {
	for i := range f.NumFields() {
		name, value := f.Field(i)
		v := string(value)
		switch strings.ToLower(string(name)) {
		case "upgrade":
			u.upgrade = u.upgrade || hasToken(v, "websocket")
		case "connection":
			u.connection = u.connection || hasToken(v, "upgrade")
		case "host":
			u.host = true
		case "origin":
			u.origin = v
		case "sec-websocket-version":
			u.version = v
			u.versions++
		case "sec-websocket-key":
			u.key = v
			u.keys++
		case "sec-websocket-accept":
			u.accept = v
			u.accepts++
		case "sec-websocket-protocol":
			u.protocolFields = append(u.protocolFields, v)
		case "sec-websocket-extensions":
			u.extensionList = append(u.extensionList, v)
		}
	}
	return u
}

// CheckRequest applies RFC 6455 4.2.1 to a request: its method, its HTTP version, its fields. An error is always a
// [*Refusal]: answer with its status, with "Sec-WebSocket-Version: 13" and "Upgrade: websocket" if that is 426 (4.4), and
// with "Allow: GET" if it is 405. It says nothing about the origin, nor about extensions, whose faults fail no handshake.
func CheckRequest(method string, major, minor int, f Fields) (Request, error) {
	u := readFields(f)
	switch {
	case method != "GET":
		return Request{}, errMethod
	case major != 1 || minor < 1:
		return Request{}, errHTTPVersion
	case !u.host:
		return Request{}, errHost
	case !u.upgrade:
		return Request{}, errUpgrade
	case !u.connection:
		return Request{}, errConnection
	case u.versions != 1 || u.version != Version:
		return Request{}, errVersion
	case u.keys != 1 || !validKey(u.key):
		return Request{}, errKey
	}
	protocols, ok := parseProtocols(u.protocolFields)
	if !ok {
		return Request{}, errProtocols
	}
	return Request{u.key, u.origin, protocols, u.extensionList}, nil
}

// maxProtocols bounds the sub-protocols that a request may list.
const maxProtocols = 64

// parseProtocols reads lists of tokens that are all different (RFC 6455 4.1, 11.3.4).
func parseProtocols(values []string) ([]string, bool) {
	var list []string
	for _, v := range values {
		for e := range strings.SplitSeq(v, ",") {
			e = strings.Trim(e, " \t")
			if !isTokenString(e) || len(list) == maxProtocols {
				return nil, false
			}
			for _, before := range list {
				if before == e {
					return nil, false
				}
			}
			list = append(list, e)
		}
	}
	return list, true
}

// ChooseProtocol is the first of what the client asked for that the server speaks; names are compared exactly
// (RFC 6455 4.2.2, 11.3.4). It is empty if there is none: the response then has no Sec-WebSocket-Protocol.
func ChooseProtocol(asked, spoken []string) string {
	for _, a := range asked {
		for _, s := range spoken {
			if a == s {
				return a
			}
		}
	}
	return ""
}

// CheckResponse applies RFC 6455 4.1 to a server's response to the key, and to the sub-protocols asked for. It returns the
// sub-protocol, empty for none, and the values of the Sec-WebSocket-Extensions fields: they are for [Deflate.Confirm], or,
// if nothing was offered, there must be none, which [CheckNoExtensions] says. An error is always a [*Refusal].
func CheckResponse(status int, f Fields, key string, asked []string) (protocol string, extensions []string, err error) {
	u := readFields(f)
	switch {
	case status != 101:
		return "", nil, errStatus
	case !u.upgrade:
		return "", nil, errUpgradeAnswer
	case !u.connection:
		return "", nil, errConnectionAnswer
	case u.accepts != 1 || subtle.ConstantTimeCompare([]byte(u.accept), []byte(Accept(key))) != 1:
		return "", nil, errAccept
	case len(u.protocolFields) > 1:
		return "", nil, errProtocolAnswer
	case len(u.protocolFields) == 1:
		if protocol = ChooseProtocol(u.protocolFields, asked); protocol == "" {
			return "", nil, errProtocolAnswer
		}
	}
	return protocol, u.extensionList, nil
}

// CheckNoExtensions judges the extensions of a response to a request that offered none.
func CheckNoExtensions(values []string) error {
	if len(values) > 0 {
		return errExtensionUnasked
	}
	return nil
}
