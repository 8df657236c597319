package wire

// Refusal is a handshake that does not stand (RFC 6455 4). Each one is a package-level value, so two for one reason are
// equal as pointers; [Refusals] lists them all. They must not be changed.
type Refusal struct {
	Status  int    // the status to answer a request with; 502 for a response, which a client refuses
	Reason  string // a short stable label in snake case, for metrics
	Section string // what it rests on
	Msg     string // one clause in plain words, fit for the body of the answer
}

// Error says what was wrong and which section says so. It allocates.
func (r *Refusal) Error() string { return "websocket: " + r.Msg + " (" + r.Section + ")" }

// CloseReason is Reason: the label that package reactor gives to a close by r.
func (r *Refusal) CloseReason() string { return r.Reason }

// Refusals returns every refusal of a handshake, in no useful order, in a new slice.
func Refusals() []*Refusal { return append([]*Refusal(nil), refusals...) }

var refusals []*Refusal

func refusal(status int, reason, section, msg string) *Refusal {
	r := &Refusal{status, reason, section, msg}
	refusals = append(refusals, r)
	return r
}

// Requests.
var (
	errMethod      = refusal(405, "method_not_get", "RFC 6455 4.2.1", "the method of a WebSocket handshake is GET")
	errHTTPVersion = refusal(505, "http_version", "RFC 6455 4.2.1", "a WebSocket handshake needs HTTP/1.1")
	errHost        = refusal(400, "missing_host", "RFC 6455 4.2.1", "handshake without Host")
	errUpgrade     = refusal(426, "no_upgrade", "RFC 6455 4.2.1", "Upgrade does not ask for websocket")
	errConnection  = refusal(400, "no_connection_upgrade", "RFC 6455 4.2.1", "Connection does not list upgrade")
	errVersion     = refusal(426, "version_not_13", "RFC 6455 4.4", "Sec-WebSocket-Version is not 13")
	errKey         = refusal(400, "bad_key", "RFC 6455 4.2.1", "Sec-WebSocket-Key is not 16 bytes in base64, once")
	errProtocols   = refusal(400, "bad_subprotocols", "RFC 6455 4.1", "Sec-WebSocket-Protocol is no list of distinct tokens")
)

// Responses.
var (
	errStatus           = refusal(502, "status_not_101", "RFC 6455 4.1", "the server did not switch protocols")
	errUpgradeAnswer    = refusal(502, "bad_upgrade", "RFC 6455 4.1", "Upgrade in the response is not websocket")
	errConnectionAnswer = refusal(502, "bad_connection", "RFC 6455 4.1", "Connection in the response does not list upgrade")
	errAccept           = refusal(502, "bad_accept", "RFC 6455 4.1", "Sec-WebSocket-Accept is not the answer to the key")
	errProtocolAnswer   = refusal(502, "subprotocol_unasked", "RFC 6455 4.1", "the server chose a sub-protocol not asked for")
	errExtensionsSyntax = refusal(502, "extensions_syntax", "RFC 6455 9.1", "Sec-WebSocket-Extensions is malformed")
	errExtensionUnasked = refusal(502, "extension_unasked", "RFC 6455 4.1", "the server chose an extension not asked for")
	errDeflateParams    = refusal(502, "bad_deflate_params", "RFC 7692 7.1", "bad permessage-deflate parameter in the response")
	errDeflateAnswer    = refusal(502, "bad_deflate_answer", "RFC 7692 7.1", "the response does not keep to the offer")
)
