package rest

import (
	"errors"
	"strings"
	"testing"
)

// What stands on the wire, byte for byte, and what it says: made from the description of synopsejson.
var synopseFixtures = []struct {
	name, text string
	m          synopse
}{
	{
		"request without a body", `{"request":["GET","/svc/timestamp","",0,"",""]}`,
		synopse{request: true, method: "GET", url: "/svc/timestamp"},
	},
	{
		"request with JSON", `{"request":["POST","/svc/calc.add","X-A: 1\r\nX-B: \"2\"",0,"",[1,2]]}`,
		synopse{request: true, method: "POST", url: "/svc/calc.add", headers: "X-A: 1\r\nX-B: \"2\"", contentType: jsonType, content: []byte("[1,2]")},
	},
	{
		"request without an answer", `{"request":["PUT","/n","",1,"text/plain","line one\nline \"two\""]}`,
		synopse{request: true, method: "PUT", url: "/n", noAnswer: true, contentType: "text/plain", content: []byte("line one\nline \"two\"")},
	},
	{
		"request with binary content", `{"request":["PUT","/blob","",0,"application/octet-stream","` + "\xef\xbf\xb0" + `AAH//g=="]}`,
		synopse{request: true, method: "PUT", url: "/blob", contentType: "application/octet-stream", content: []byte{0, 1, 0xff, 0xfe}},
	},
	{
		"answer with JSON", `{"answer":[200,"Server-InternalState: 5","",{"result":[3]}]}`,
		synopse{status: 200, headers: "Server-InternalState: 5", contentType: jsonType, content: []byte(`{"result":[3]}`)},
	},
	{"answer without a body", `{"answer":[204,"","",""]}`, synopse{status: 204}},
	{
		"error", `{"answer":[404,"","",{"errorCode":404,"errorText":"Not Found"}]}`,
		synopse{status: 404, contentType: jsonType, content: []byte(`{"errorCode":404,"errorText":"Not Found"}`)},
	},
	{
		"answer with binary content", `{"answer":[200,"","image/png","` + "\xef\xbf\xb0" + `iVBORw=="]}`,
		synopse{status: 200, contentType: "image/png", content: []byte("\x89PNG")},
	},
	{
		"answer with text", `{"answer":[200,"","text/html; charset=utf-8","<p>\u0001é</p>"]}`,
		synopse{status: 200, contentType: "text/html; charset=utf-8", content: []byte("<p>\x01é</p>")},
	},
}

func same(a, b synopse) bool {
	return a.request == b.request && a.method == b.method && a.url == b.url && a.noAnswer == b.noAnswer && a.status == b.status &&
		a.headers == b.headers && a.contentType == b.contentType && string(a.content) == string(b.content)
}

func TestSynopseFixtures(t *testing.T) {
	for _, f := range synopseFixtures {
		got, err := f.m.append(nil)
		if err != nil || string(got) != f.text {
			t.Errorf("%s: rendered as\n%s, %v; want\n%s", f.name, got, err, f.text)
		}
		back, err := parseSynopse([]byte(f.text))
		if err != nil || !same(back, f.m) {
			t.Errorf("%s: read as %+v, %v", f.name, back, err)
		}
		for n := range len(f.text) {
			if _, err := parseSynopse([]byte(f.text[:n])); err == nil {
				t.Errorf("%s: its first %d bytes were taken", f.name, n)
			}
		}
	}
}

// What mORMot's clients leave out, or write otherwise.
func TestSynopseLoose(t *testing.T) {
	for text, want := range map[string]synopse{
		`{"request":["","svc/a","","0","",{}]}`:                       {request: true, method: "POST", url: "/svc/a", contentType: jsonType, content: []byte("{}")},
		` { "request" : [ "GET" , "/" , "" , "1" , "" , "" ] } `:      {request: true, method: "GET", url: "/", noAnswer: true},
		`{"r1":["GET","/","",0,"",""]}`:                               {request: true, method: "GET", url: "/"},
		`{"a1":["201","","",""]}`:                                     {status: 201},
		`{"answer":[200,"","application/octet-stream","not base64"]}`: {status: 200, contentType: "application/octet-stream", content: []byte("not base64")},
		`{"answer":[200,"","application/json",[]]}`:                   {status: 200, contentType: jsonType, content: []byte("[]")},
	} {
		if got, err := parseSynopse([]byte(text)); err != nil || !same(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestSynopseRefused(t *testing.T) {
	for _, text := range []string{
		"", "null", "[]", "{}", `{"request":1}`, `{"request":[]}`, `{"request":["GET","/","",0,""]}`, `{"answer":[200,"",""]}`,
		`{"answer":[99,"","",""]}`, `{"answer":["x","","",""]}`, `{"answer":[200,"","",""],"answer2":[]}`, `{"other":[200,"","",""]}`,
		`{"request":["GET","/ a","",0,"",""]}`, `{"request":["G T","/","",0,"",""]}`, `{"request":["GET",null,"",0,"",""]}`,
		`{"request":["GET","/","",{},"",""]}`, `{"answer":[200,"","image/png","` + magic + `%"]}`, `{"answer":[200,"","text/plain",{}]}`,
		`{"answer":[200,"","",""]} x`,
	} {
		var v violation
		if m, err := parseSynopse([]byte(text)); !errors.As(err, &v) {
			t.Errorf("%s: %+v, %v", text, m, err)
		}
	}
	for name, m := range map[string]synopse{
		"no JSON": {status: 200, contentType: jsonType, content: []byte("{")},
		"no text": {status: 200, contentType: "text/plain", content: []byte{0xff}},
	} {
		if b, err := m.append(nil); !errors.Is(err, ErrBody) {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
}

func TestLines(t *testing.T) {
	lim := Config{MaxFields: 2}.withDefaults()
	got, err := parseLines("A: b\r\nC:d \n\r\n", &lim)
	if err != nil || len(got) != 2 || got[0] != (field{"A", "b"}) || got[1] != (field{"C", "d"}) || linesOf(got) != "A: b\r\nC: d" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"no colon", ": no name", "a b: c", "A: 1\nB: 2\nC: 3", "A: \x01"} {
		if got, err := parseLines(bad, &lim); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if _, err := parseLines("A: "+strings.Repeat("x", 20_000), &lim); err == nil {
		t.Error("a long line was taken")
	}
}
