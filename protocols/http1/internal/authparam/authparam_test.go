package authparam

import (
	"fmt"
	"strings"
	"testing"
)

func describe(all []Challenge) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "[%s", c.Scheme)
		for _, p := range c.Params {
			fmt.Fprintf(&b, " %s=%q", p.Name, p.Value)
		}
		b.WriteString("]")
	}
	return b.String()
}

func TestChallenges(t *testing.T) {
	for in, want := range map[string]string{
		`Basic realm="a"`:                               `[Basic realm="a"]`,
		`Basic realm="a, b", charset=UTF-8`:             `[Basic realm="a, b" charset="UTF-8"]`,
		`Digest realm="a", nonce=b, Basic realm="c\"d"`: `[Digest realm="a" nonce="b"][Basic realm="c\"d"]`,
		`Negotiate, Basic realm=x`:                      `[Negotiate][Basic realm="x"]`,
		`Negotiate abc==, Basic realm=x`:                `[Negotiate][Basic realm="x"]`,
		`, ,Basic  realm = "x" , ,charset=y`:            `[Basic realm="x" charset="y"]`,
		`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`: `[Newauth realm="apps" type="1" title="Login to \"apps\""][Basic realm="simple"]`,
		``:                  ``,
		`Basic`:             `[Basic]`,
		`Basic realm="open`: `[Basic]`,
		`"x"`:               ``,
	} {
		if got := describe(Challenges(in)); got != want {
			t.Errorf("%q: %s; want %s", in, got, want)
		}
	}
}

// FuzzChallenges: whatever is read can be written and read again, within the bounds.
func FuzzChallenges(f *testing.F) {
	f.Add(`Digest realm="a", nonce=b, Basic realm="c\"d"`)
	f.Add(`Negotiate abc==, Basic realm=x`)
	f.Fuzz(func(t *testing.T, in string) {
		all := Challenges(in)
		if len(all) > maxChallenges {
			t.Fatalf("%d challenges", len(all))
		}
		var b strings.Builder
		for i, c := range all {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(c.Scheme)
			for k, p := range c.Params {
				if k > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, " %s=%s", p.Name, Quote(p.Value))
			}
			if len(c.Params) > maxParams {
				t.Fatalf("%d parameters", len(c.Params))
			}
		}
		if back := describe(Challenges(b.String())); back != describe(all) {
			t.Fatalf("%q: %s became %s by %q", in, describe(all), back, b.String())
		}
	})
}

func ExampleChallenges() {
	for _, c := range Challenges(`Digest realm="a", nonce="b", Basic realm="c"`) {
		fmt.Println(c.Scheme, c.Params)
	}
	// Output:
	// Digest [{realm a} {nonce b}]
	// Basic [{realm c}]
}
