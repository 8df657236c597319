package websocket_test

import (
	"fmt"
	"strings"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

const ok = "close:1000"

// wants joins answers.
func wants(all ...string) string { return strings.Join(all, " ") }

func textBack(s string) string { return "text:" + short([]byte(s)) }
func binBack(s string) string  { return "binary:" + short([]byte(s)) }
func pongBack(s string) string { return "pong:" + short([]byte(s)) }

// conformTable has the cases in the groups of the public suite: 1 framing, 2 pings and pongs, 3 reserved bits, 4 opcodes, 5
// fragmentation, 6 UTF-8, 7 close, 9 limits, 10 masks and lengths, 12 compression, 13 its parameters.
func conformTable() (all []conformCase) {
	for _, group := range []func() []conformCase{
		conformFraming, conformPings, conformReserved, conformOpcodes, conformFragments, conformUTF8, conformUTF8Edges,
		conformClose, conformCloseCodes, conformLimits, conformHeaders, conformDeflate, conformDeflateBad,
	} {
		all = append(all, group()...)
	}
	return all
}

// good is a case that ends with the peer's close.
func good(id, want string, frames ...conformFrame) conformCase {
	if want != "" {
		want += " "
	}
	return conformCase{id: id, frames: append(frames, closing), want: want + ok}
}

// bad is a case that the endpoint ends: what follows gets no answer.
func bad(id string, before string, code int, frames ...conformFrame) conformCase {
	want := fmt.Sprintf("close:%d", code)
	if before != "" {
		want = before + " " + want
	}
	return conformCase{id: id, frames: append(frames, fr(fPing, "after"), closing), want: want}
}

func conformFraming() (all []conformCase) {
	for i, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		s := strings.Repeat("*", n)
		for _, c := range []conformCase{good(fmt.Sprintf("1.1.%d", i+1), textBack(s), fr(fText, s)), good(fmt.Sprintf("1.2.%d", i+1), binBack(s), fr(fBin, s))} {
			c.long = n > 1000
			all = append(all, c)
		}
	}
	return all
}

func conformPings() (all []conformCase) {
	long := strings.Repeat("p", 125)
	binary := "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	all = append(all,
		good("2.1", pongBack(""), fr(fPing, "")),
		good("2.2", pongBack("Hello, world!"), fr(fPing, "Hello, world!")),
		good("2.3", pongBack(binary), fr(fPing, binary)),
		good("2.4", pongBack(long), fr(fPing, long)),
		bad("2.5", "", 1002, fr(fPing, long+"p")),
		good("2.6", "", fr(fPong_, "")),
		good("2.7", "", fr(fPong_, "unsolicited payload")),
		good("2.8", pongBack("ping"), fr(fPong_, "unsolicited"), fr(fPing, "ping")),
		bad("2.9", "", 1002, fr(fPong_, long+"p")),
		good("2.10", wants(pongBack("a"), textBack("x"), pongBack("b")), fr(fPing, "a"), fr(fText, "x"), fr(fPing, "b")),
	)
	var ten []conformFrame
	var back []string
	for i := range 10 {
		ten = append(ten, fr(fPing, fmt.Sprint("payload-", i)))
		back = append(back, pongBack(fmt.Sprint("payload-", i)))
	}
	return append(all, good("2.11", wants(back...), ten...))
}

func conformReserved() (all []conformCase) {
	for rsv := byte(1); rsv < 8; rsv++ {
		for i, first := range []byte{fText, fBin, fPing, fClose} {
			all = append(all, bad(fmt.Sprintf("3.%d.%d", rsv, i+1), textBack("before"), 1002, fr(fText, "before"), fr(first|rsv<<4, "x")))
		}
	}
	for rsv := byte(1); rsv < 8; rsv++ {
		all = append(all, bad(fmt.Sprintf("3.%d.5", rsv), "", 1002, fr(oText, "begun"), fr(fCont|rsv<<4, "x")))
	}
	return all
}

func conformOpcodes() (all []conformCase) {
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		all = append(all,
			bad(fmt.Sprintf("4.%d.1", op), "", 1002, fr(0x80|op, "")),
			bad(fmt.Sprintf("4.%d.2", op), "", 1002, fr(0x80|op, "reserved payload")),
			bad(fmt.Sprintf("4.%d.3", op), textBack("Hello"), 1002, fr(fText, "Hello"), fr(0x80|op, "x"), fr(fPing, "")),
		)
	}
	return all
}

func conformFragments() []conformCase {
	return []conformCase{
		bad("5.1", "", 1002, fr(0x09, "fragment1"), fr(fCont, "fragment2")),
		bad("5.2", "", 1002, fr(0x0a, "fragment1"), fr(fCont, "fragment2")),
		good("5.3", textBack("fragment1fragment2"), fr(oText, "fragment1"), fr(fCont, "fragment2")),
		good("5.4", binBack("fragment1fragment2"), fr(oBin, "fragment1"), fr(fCont, "fragment2")),
		good("5.5", textBack("abcd"), fr(oText, "a"), fr(oCont, "b"), fr(oCont, "c"), fr(fCont, "d")),
		good("5.6", wants(pongBack("ping"), textBack("fragment1fragment2")), fr(oText, "fragment1"), fr(fPing, "ping"), fr(fCont, "fragment2")),
		good("5.7", wants(pongBack("1"), pongBack("2"), textBack("ab")), fr(oText, "a"), fr(fPing, "1"), fr(fPing, "2"), fr(fCont, "b")),
		good("5.8", textBack("ab"), fr(oText, "a"), fr(fPong_, "x"), fr(fCont, "b")),
		bad("5.9", "", 1002, fr(fCont, "non-continuation payload"), fr(fText, "Hello")),
		bad("5.10", "", 1002, fr(oCont, "non-continuation payload"), fr(fText, "Hello")),
		bad("5.11", textBack("whole"), 1002, fr(fText, "whole"), fr(fCont, "x")),
		bad("5.12", "", 1002, fr(oText, "fragment1"), fr(fText, "fragment2")),
		bad("5.13", "", 1002, fr(oText, "fragment1"), fr(oBin, "fragment2")),
		bad("5.14", "", 1002, fr(oBin, "fragment1"), fr(fBin, "fragment2")),
		bad("5.15", textBack("ab"), 1002, fr(oText, "a"), fr(fCont, "b"), fr(oCont, "c"), fr(fText, "d")),
		bad("5.16", "", 1002, fr(oCont, "a"), fr(oText, "b"), fr(fCont, "c")),
		good("5.17", textBack(""), fr(oText, ""), fr(oCont, ""), fr(fCont, "")),
		good("5.18", textBack("x"), fr(oText, ""), fr(oCont, "x"), fr(fCont, "")),
		good("5.19", wants(textBack("ab"), binBack("cd")), fr(oText, "a"), fr(fCont, "b"), fr(oBin, "c"), fr(fCont, "d")),
		good("5.20", wants(pongBack("x"), textBack("12345")), fr(oText, "1"), fr(oCont, "2"), fr(fPing, "x"), fr(oCont, "34"), fr(fCont, "5")),
		{id: "5.21", frames: []conformFrame{fr(oText, "unfinished"), closing}, want: ok},
		bad("5.22", "", 1002, fr(0x08, "\x03\xe8")),
	}
}

func conformHeaders() []conformCase {
	unmasked := func(b string) conformFrame { return conformFrame{raw: []byte(b)} }
	wrong := fr(fText, "x")
	wrong.badMask = true
	wrongPing := fr(fPing, "")
	wrongPing.badMask = true
	all := []conformCase{
		bad("10.1", "", 1002, wrong),
		bad("10.2", textBack("a"), 1002, fr(fText, "a"), wrongPing),
	}
	// Lengths that are not in their shortest form, or have the sign bit; both ways of masking, of which one is a violation anyhow.
	for i, h := range []string{
		"\x81\xfe\x00\x7d", "\x81\x7e\x00\x7d", "\x81\xfe\x00\x00", "\x81\x7e\x00\x00",
		"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
		"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
		"\x89\xfe\x00\x7e", "\x89\x7e\x00\x7e",
	} {
		all = append(all, bad(fmt.Sprintf("10.%d", i+3), "", 1002, unmasked(h)))
	}
	return all
}

func conformClose() []conformCase {
	reason := strings.Repeat("r", 123)
	end := func(id, want string, frames ...conformFrame) conformCase {
		return conformCase{id: id, frames: append(frames, fr(fPing, "ignored"), fr(fText, "ignored")), want: want}
	}
	return []conformCase{
		end("7.1.1", wants(textBack("Hello"), ok), fr(fText, "Hello"), closing),
		end("7.1.2", ok, closing, closing),
		end("7.1.3", ok, closing, fr(fPing, "")),
		end("7.1.4", ok, closing, fr(fText, "x")),
		end("7.1.5", ok, fr(oText, "fragment1"), closing, fr(fCont, "fragment2")),
		end("7.3.1", "close:1005", fr(fClose, "")),
		end("7.3.2", "close:1002", fr(fClose, "\x03")),
		end("7.3.3", ok, fr(fClose, "\x03\xe8")),
		end("7.3.4", ok, fr(fClose, "\x03\xe8Hello")),
		end("7.3.5", ok, fr(fClose, "\x03\xe8"+reason)),
		end("7.3.6", "close:1002", fr(fClose, "\x03\xe8"+reason+"r")),
		end("7.5.1", "close:1007", fr(fClose, "\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65")),
		end("7.5.2", "close:1007", fr(fClose, "\x03\xe8\xc3")),
	}
}

func conformCloseCodes() (all []conformCase) {
	one := func(group string, code int, allowed bool) {
		want := fmt.Sprintf("close:%d", code)
		if !allowed {
			want = "close:1002"
		}
		for i, reason := range []string{"", "because"} {
			f := fr(fClose, string([]byte{byte(code >> 8), byte(code)})+reason)
			all = append(all, conformCase{id: fmt.Sprintf("7.%s.%d.%d", group, code, i+1), frames: []conformFrame{f}, want: want})
		}
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		one("7", code, true)
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		one("9", code, false)
	}
	return all
}

func conformLimits() (all []conformCase) {
	lim := wire.Limits{MaxMessage: 1000, MaxSmallFragments: 10}
	limited := func(c conformCase) conformCase {
		c.limits = lim
		return c
	}
	k := strings.Repeat("k", 1000)
	small := make([]conformFrame, 11)
	for i := range small {
		small[i] = fr(oCont, "s")
	}
	all = append(all,
		limited(good("9.1.1", textBack(k), fr(fText, k))),
		limited(bad("9.1.2", "", 1009, fr(fText, k+"k"))),
		limited(good("9.1.3", binBack(k), fr(oBin, k[:600]), fr(fCont, k[600:]))),
		limited(bad("9.1.4", "", 1009, fr(oBin, k[:600]), fr(fCont, k[600:]+"k"))),
		limited(bad("9.1.5", "", 1009, fr(oBin, k), fr(oCont, ""), fr(oCont, "1"))),
		limited(bad("9.1.6", "", 1009, append([]conformFrame{fr(oText, "s")}, small...)...)),
		limited(good("9.1.7", wants(textBack(k), textBack(k)), fr(fText, k), fr(fText, k))),
	)
	for i, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20} {
		s := strings.Repeat("*", n)
		for _, c := range []conformCase{good(fmt.Sprintf("9.2.%d", i+1), textBack(s), fr(fText, s)), good(fmt.Sprintf("9.3.%d", i+1), binBack(s), fr(fBin, s))} {
			c.long = true
			all = append(all, c)
		}
	}
	for i, piece := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10} {
		s := strings.Repeat("*", 256<<10)
		frames := []conformFrame{fr(oText, s[:piece])}
		for at := piece; at < len(s); at += piece {
			frames = append(frames, fr(oCont, s[at:at+piece]))
		}
		c := good(fmt.Sprintf("9.4.%d", i+1), textBack(s), append(frames, fr(fCont, ""))...)
		c.long = true
		all = append(all, c)
	}
	return all
}
