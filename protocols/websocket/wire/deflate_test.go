package wire

import (
	"fmt"
	"strings"
	"testing"
)

// TestParseExtensions: the grammar of RFC 6455 9.1.
func TestParseExtensions(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"foo", "foo"},
		{"foo, bar; baz=2", "foo|bar;baz=2"},
		{"foo;a;b=c , ,bar", "foo;a;b=c|bar"},
		{"\tfoo ;\ta = \"b\" ", "foo;a=b"},
		{`foo; a="\b\1"`, "foo;a=b1"},
		{"permessage-deflate;client_max_window_bits", "permessage-deflate;client_max_window_bits"},
		{strings.Repeat("x,", maxExtensions), strings.Repeat("|x", maxExtensions)[1:]},
		{strings.Repeat("x,", maxExtensions+1), "bad"},
		{"x" + strings.Repeat(";p", maxExtensions+1), "bad"},
		{"", "bad"},
		{" , ", "bad"},
		{"foo bar", "bad"},
		{"foo;", "bad"},
		{";a", "bad"},
		{"foo;=b", "bad"},
		{"foo;a=", "bad"},
		{"foo;a=b c", "bad"},
		{`foo;a=""`, "bad"},
		{`foo;a="b c"`, "bad"},
		{`foo;a="b`, "bad"},
		{`foo;a="b\`, "bad"},
		{`foo;a="b"c`, "bad"},
		{"foo;a=b=c", "bad"},
		{"foo;;a", "bad"},
		{"f(o", "bad"},
		{"foo\x00", "bad"},
		{"föö", "bad"},
	} {
		if got := describe(c.in); got != c.want {
			t.Errorf("%q: %s; want %s", c.in, got, c.want)
		}
	}
}

func describe(value string) string {
	list, ok := ParseExtensions(value)
	if !ok {
		return "bad"
	}
	var b strings.Builder
	for i, e := range list {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(e.Name)
		for _, p := range e.Params {
			b.WriteString(";" + p.Name)
			if p.Has {
				b.WriteString("=" + p.Value)
			}
		}
	}
	return b.String()
}

// terms writes what was agreed: s12c15, with n behind the end that keeps no context.
func terms(a Deflate) string {
	no := map[bool]string{true: "n"}
	return fmt.Sprintf("s%d%sc%d%s", a.ServerMaxWindowBits, no[a.ServerNoContextTakeover],
		a.ClientMaxWindowBits, no[a.ClientNoContextTakeover])
}

// TestAccept: offers, what a server wants, what it answers (RFC 7692 5.1, 7.1).
func TestAccept(t *testing.T) {
	const pd = "permessage-deflate"
	small := Deflate{ServerMaxWindowBits: 10, ClientMaxWindowBits: 9}
	frugal := Deflate{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	for _, c := range []struct {
		want    Deflate
		offer   string
		answer  string
		agreed  string
		comment string
	}{
		{Deflate{}, pd, pd, "s15c15", "nothing asked, nothing said"},
		{Deflate{}, pd + "; client_max_window_bits", pd, "s15c15", "as browsers offer"},
		{small, pd, pd, "s10c15", "its own limit holds unsaid; the client cannot be told"},
		{small, pd + "; client_max_window_bits", pd + "; client_max_window_bits=9", "s10c9", ""},
		{small, pd + "; client_max_window_bits=8", pd + "; client_max_window_bits=8", "s10c8", ""},
		{small, pd + "; client_max_window_bits=15", pd + "; client_max_window_bits=9", "s10c9", ""},
		{Deflate{}, pd + "; client_max_window_bits=11", pd + "; client_max_window_bits=11", "s15c11", "a hint is made binding"},
		{Deflate{}, pd + "; server_max_window_bits=8", pd + "; server_max_window_bits=8", "s8c15", ""},
		{Deflate{}, pd + `; server_max_window_bits="8"`, pd + "; server_max_window_bits=8", "s8c15", "quoted"},
		{small, pd + "; server_max_window_bits=12", pd + "; server_max_window_bits=10", "s10c15", "smaller than asked"},
		{Deflate{}, pd + "; server_max_window_bits=15", pd + "; server_max_window_bits=15", "s15c15", ""},
		{Deflate{}, pd + "; server_no_context_takeover", pd + "; server_no_context_takeover", "s15nc15", ""},
		{Deflate{}, pd + "; client_no_context_takeover", pd + "; client_no_context_takeover", "s15c15n", ""},
		{frugal, pd, pd + "; client_no_context_takeover", "s15nc15n", "the only way to bound memory"},
		{Deflate{}, "PerMessage-Deflate; Server_No_Context_Takeover", pd + "; server_no_context_takeover", "s15nc15", ""},
		{
			Deflate{},
			pd + "; server_max_window_bits=7, " + pd + "; server_max_window_bits=9",
			pd + "; server_max_window_bits=9", "s9c15", "second offer",
		},
		{Deflate{}, "x-webkit-deflate-frame, " + pd, pd, "s15c15", "another extension first"},
		{Deflate{}, "foo bar\n" + pd, pd, "s15c15", "a bad field, then a good one"},
		{Deflate{}, pd + "; server_max_window_bits", "", "", "needs a value"},
		{Deflate{}, pd + "; server_max_window_bits=16", "", "", ""},
		{Deflate{}, pd + "; server_max_window_bits=7", "", "", ""},
		{Deflate{}, pd + "; server_max_window_bits=08", "", "", "leading zero"},
		{Deflate{}, pd + "; server_max_window_bits=+8", "", "", ""},
		{Deflate{}, pd + "; server_max_window_bits=1x", "", "", ""},
		{Deflate{}, pd + "; client_max_window_bits=16", "", "", ""},
		{Deflate{}, pd + "; client_max_window_bits=", "", "", "malformed"},
		{Deflate{}, pd + "; server_no_context_takeover=1", "", "", "has no value"},
		{Deflate{}, pd + "; client_no_context_takeover=true", "", "", ""},
		{Deflate{}, pd + "; server_no_context_takeover; server_no_context_takeover", "", "", "repeated"},
		{Deflate{}, pd + "; client_no_context_takeover; client_no_context_takeover", "", "", ""},
		{Deflate{}, pd + "; server_max_window_bits=9; server_max_window_bits=9", "", "", ""},
		{Deflate{}, pd + "; client_max_window_bits; client_max_window_bits=9", "", "", ""},
		{Deflate{}, pd + "; foo", "", "", "unknown"},
		{Deflate{}, pd + "; foo=1; client_max_window_bits", "", "", ""},
		{Deflate{}, "permessage-bzip2", "", "", ""},
		{Deflate{}, "", "", "", ""},
	} {
		agreed, answer, ok := c.want.Accept(strings.Split(c.offer, "\n"))
		if ok != (c.answer != "") || answer != c.answer {
			t.Errorf("%s: %q; want %q (%s)", c.offer, answer, c.answer, c.comment)
		} else if ok && terms(agreed) != c.agreed {
			t.Errorf("%s: %s; want %s (%s)", c.offer, terms(agreed), c.agreed, c.comment)
		}
	}
}

// TestConfirm: a client judges the answer to its offer (RFC 7692 7.1; RFC 6455 4.1).
func TestConfirm(t *testing.T) {
	const pd = "permessage-deflate"
	for _, c := range []struct {
		want   Deflate
		answer string
		agreed string
		err    *Refusal
	}{
		{Deflate{}, pd, "s15c15", nil},
		{Deflate{}, pd + "; server_max_window_bits=8; client_max_window_bits=9", "s8c9", nil},
		{Deflate{}, pd + "; server_no_context_takeover; client_no_context_takeover", "s15nc15n", nil},
		{Deflate{ServerMaxWindowBits: 10}, pd + "; server_max_window_bits=10", "s10c15", nil},
		{Deflate{ServerMaxWindowBits: 10}, pd + "; server_max_window_bits=9", "s9c15", nil},
		{Deflate{ServerMaxWindowBits: 10}, pd + "; server_max_window_bits=11", "", errDeflateAnswer},
		{Deflate{ServerMaxWindowBits: 10}, pd, "", errDeflateAnswer},
		{Deflate{ClientMaxWindowBits: 10}, pd, "s15c10", nil},
		{Deflate{ClientMaxWindowBits: 10}, pd + "; client_max_window_bits=11", "", errDeflateAnswer},
		{Deflate{ServerNoContextTakeover: true}, pd + "; server_no_context_takeover", "s15nc15", nil},
		{Deflate{ServerNoContextTakeover: true}, pd, "", errDeflateAnswer},
		{Deflate{ClientNoContextTakeover: true}, pd, "s15c15n", nil},
		{Deflate{}, pd + "; client_max_window_bits", "", errDeflateParams},
		{Deflate{}, pd + "; server_max_window_bits", "", errDeflateParams},
		{Deflate{}, pd + "; server_max_window_bits=16", "", errDeflateParams},
		{Deflate{}, pd + "; foo", "", errDeflateParams},
		{Deflate{}, pd + "; server_no_context_takeover; server_no_context_takeover", "", errDeflateParams},
		{Deflate{}, "foo", "", errExtensionUnasked},
		{Deflate{}, pd + ", " + pd, "", errExtensionUnasked},
		{Deflate{}, pd + "\nfoo", "", errExtensionUnasked},
		{Deflate{}, pd + ";", "", errExtensionsSyntax},
	} {
		agreed, ok, err := c.want.Confirm(strings.Split(c.answer, "\n"))
		if c.err != nil {
			if err != error(c.err) || ok {
				t.Errorf("%+v: %s: %v; want %v", c.want, c.answer, err, c.err)
			}
		} else if err != nil || !ok || terms(agreed) != c.agreed {
			t.Errorf("%+v: %s: %s, %v; want %s", c.want, c.answer, terms(agreed), err, c.agreed)
		}
	}
	if _, ok, err := (Deflate{}).Confirm(nil); ok || err != nil {
		t.Error("declined:", ok, err)
	}
}

// TestNegotiations: for every pair of wants, what the server answers the client takes, both agree, and it is no more than
// either allowed.
func TestNegotiations(t *testing.T) {
	t.Parallel()
	var wants []Deflate
	for _, bits := range [][2]int{{0, 0}, {8, 15}, {15, 8}, {10, 12}, {12, 10}} {
		for no := range 4 {
			wants = append(wants, Deflate{no&1 != 0, no&2 != 0, bits[0], bits[1]})
		}
	}
	for _, client := range wants {
		for _, server := range wants {
			one, answer, ok := server.Accept([]string{client.Offer()})
			if !ok {
				t.Fatalf("%s declined", client.Offer())
			}
			two, ok, err := client.Confirm([]string{answer})
			if !ok || err != nil {
				t.Fatalf("%s answered %s: %v", client.Offer(), answer, err)
			}
			// What the server keeps to unsaid, the client need not know.
			if one.ClientNoContextTakeover != two.ClientNoContextTakeover || one.ClientMaxWindowBits != two.ClientMaxWindowBits ||
				one.ServerMaxWindowBits > two.ServerMaxWindowBits || two.ServerNoContextTakeover && !one.ServerNoContextTakeover {
				t.Fatalf("%s answered %s: %+v, %+v", client.Offer(), answer, one, two)
			}
			if one.ClientMaxWindowBits > int(windowBits(server.ClientMaxWindowBits)) ||
				two.ServerMaxWindowBits > int(windowBits(client.ServerMaxWindowBits)) {
				t.Fatalf("%+v, %+v: %+v", client, server, one)
			}
			if client != wants[len(wants)/2] && server != wants[5] || (one.ClientMaxWindowBits+one.ServerMaxWindowBits)%3 != 0 {
				continue // the rest takes long
			}
			for _, role := range []Role{Client, Server} {
				from, to := two, one
				if role == Server {
					from, to = one, two
				}
				msg := samples()[8][:9000]
				d, z := from.Deflater(role), to.Inflater(1-role)
				for range 2 {
					got, err := inflateAll(z, d.Append(nil, msg), 1<<30)
					if err != nil || string(got) != string(msg) {
						t.Fatalf("%v to the other end of %+v: %v", role, one, err)
					}
				}
			}
		}
	}
}
