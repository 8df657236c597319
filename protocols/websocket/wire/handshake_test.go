package wire

import (
	"slices"
	"strings"
	"testing"
)

// lines are header fields, "Name: value" each.
type lines []string

func (l lines) NumFields() int { return len(l) }

func (l lines) Field(i int) (name, value []byte) {
	n, v, _ := strings.Cut(l[i], ": ")
	return []byte(n), []byte(v)
}

const rfcKey = "dGhlIHNhbXBsZSBub25jZQ=="

var rfcRequest = lines{
	"Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade",
	"Sec-WebSocket-Key: " + rfcKey, "Origin: http://example.com",
	"Sec-WebSocket-Protocol: chat, superchat", "Sec-WebSocket-Version: 13",
}

// with replaces the field of that name, or takes it away, or adds one.
func (l lines) with(field string) lines {
	name, value, _ := strings.Cut(field, ": ")
	out := slices.DeleteFunc(slices.Clone(l), func(s string) bool {
		return strings.HasPrefix(strings.ToLower(s), strings.ToLower(name)+": ")
	})
	if value != "" {
		out = append(out, field)
	}
	return out
}

// TestRequests: RFC 6455 4.2.1.
func TestRequests(t *testing.T) {
	for _, c := range []struct {
		change string
		want   *Refusal
	}{
		{"", nil},
		{"UPGRADE: h2c, WebSocket", nil},
		{"connection: keep-alive, upgrade", nil},
		{"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==", nil},
		{"Host: ", errHost},
		{"Upgrade: ", errUpgrade},
		{"Upgrade: websockets", errUpgrade},
		{"Connection: ", errConnection},
		{"Connection: close", errConnection},
		{"Sec-WebSocket-Version: ", errVersion},
		{"Sec-WebSocket-Version: 8", errVersion},
		{"Sec-WebSocket-Version: 013", errVersion},
		{"Sec-WebSocket-Key: ", errKey},
		{"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4P", errKey},
		{"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEBES", errKey},
		{"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4P!A==", errKey},
		{"Sec-WebSocket-Protocol: chat,", errProtocols},
		{"Sec-WebSocket-Protocol: chat, chat", errProtocols},
		{"Sec-WebSocket-Protocol: ch at", errProtocols},
		{"Sec-WebSocket-Extensions: bad;;bad", nil},
	} {
		f := rfcRequest
		if c.change != "" {
			f = f.with(c.change)
		}
		_, err := CheckRequest("GET", 1, 1, f)
		if got, _ := err.(*Refusal); got != c.want {
			t.Errorf("%s: %v; want %v", c.change, err, c.want)
		}
	}
	for _, c := range []struct {
		method       string
		major, minor int
		twice        string
		want         *Refusal
	}{
		{"POST", 1, 1, "", errMethod},
		{"get", 1, 1, "", errMethod},
		{"GET", 1, 0, "", errHTTPVersion},
		{"GET", 2, 0, "", errHTTPVersion},
		{"GET", 1, 2, "", nil},
		{"GET", 1, 1, "Sec-WebSocket-Version: 13", errVersion},
		{"GET", 1, 1, "sec-websocket-key: " + rfcKey, errKey},
		{"GET", 1, 1, "Sec-WebSocket-Protocol: chat", errProtocols},
		{"GET", 1, 1, "Sec-WebSocket-Protocol: other", nil},
	} {
		f := rfcRequest
		if c.twice != "" {
			f = append(slices.Clone(f), c.twice)
		}
		_, err := CheckRequest(c.method, c.major, c.minor, f)
		if got, _ := err.(*Refusal); got != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestRequestValues: what a good request asks for.
func TestRequestValues(t *testing.T) {
	f := append(slices.Clone(rfcRequest), "Sec-WebSocket-Protocol: third",
		"Sec-WebSocket-Extensions: a", "Sec-WebSocket-Extensions: b;c")
	r, err := CheckRequest("GET", 1, 1, f)
	if err != nil || r.Key != rfcKey || r.Origin != "http://example.com" ||
		!slices.Equal(r.Protocols, []string{"chat", "superchat", "third"}) || !slices.Equal(r.Extensions, []string{"a", "b;c"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if got := Accept(r.Key); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455 1.3
		t.Error(got)
	}
}

// TestResponses: RFC 6455 4.1.
func TestResponses(t *testing.T) {
	good := lines{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + Accept(rfcKey)}
	for _, c := range []struct {
		status   int
		f        lines
		protocol string
		want     *Refusal
	}{
		{101, good, "", nil},
		{101, good.with("Upgrade: WebSocket"), "", nil},
		{101, good.with("Sec-WebSocket-Protocol: superchat"), "superchat", nil},
		{200, good, "", errStatus},
		{101, good.with("Upgrade: "), "", errUpgradeAnswer},
		{101, good.with("Upgrade: h2c"), "", errUpgradeAnswer},
		{101, good.with("Connection: "), "", errConnectionAnswer},
		{101, good.with("Sec-WebSocket-Accept: "), "", errAccept},
		{101, good.with("Sec-WebSocket-Accept: " + Accept(NewKey())), "", errAccept},
		{101, append(slices.Clone(good), good[2]), "", errAccept},
		{101, good.with("Sec-WebSocket-Protocol: Chat"), "", errProtocolAnswer},
		{101, good.with("Sec-WebSocket-Protocol: chat, superchat"), "", errProtocolAnswer},
		{101, append(good.with("Sec-WebSocket-Protocol: chat"), "Sec-WebSocket-Protocol: chat"), "", errProtocolAnswer},
	} {
		protocol, ext, err := CheckResponse(c.status, c.f, rfcKey, []string{"chat", "superchat"})
		if got, _ := err.(*Refusal); got != c.want || protocol != c.protocol || ext != nil {
			t.Errorf("%d %q: %q, %v; want %v", c.status, c.f, protocol, err, c.want)
		}
	}
	_, ext, err := CheckResponse(101, good.with("Sec-WebSocket-Extensions: x"), rfcKey, nil)
	if err != nil || CheckNoExtensions(ext) != error(errExtensionUnasked) || CheckNoExtensions(nil) != nil {
		t.Error(ext, err)
	}
}

func TestKeysAndProtocols(t *testing.T) {
	a, b := NewKey(), NewKey()
	if a == b || !validKey(a) || !validKey(b) {
		t.Error(a, b)
	}
	for _, c := range []struct{ asked, spoken, want string }{
		{"a b", "b a", "a"}, {"x b", "a b", "b"}, {"x", "a b", ""}, {"", "a", ""}, {"A", "a", ""},
	} {
		if got := ChooseProtocol(strings.Fields(c.asked), strings.Fields(c.spoken)); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestCatalogues: labels are distinct and messages fit into a close frame.
func TestCatalogues(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Errors() {
		if seen[e.Reason] || len(e.Msg) > maxReason || !e.Code.OnWire() || e.CloseReason() != e.Reason ||
			!strings.Contains(e.Error(), e.Section) {
			t.Errorf("%+v", e)
		}
		seen[e.Reason] = true
	}
	for _, r := range Refusals() {
		if seen[r.Reason] || r.Status < 400 || r.CloseReason() != r.Reason || !strings.Contains(r.Error(), r.Msg) {
			t.Errorf("%+v", r)
		}
		seen[r.Reason] = true
	}
}
