package smtp_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

const (
	user     = "anna"
	password = "p,a=s s"
	token    = "ya29.token"
)

// steps is a mechanism's server side as a list of functions, each of which takes an answer and gives the next challenge.
type steps []func(in []byte) ([]byte, error)

func (s *steps) Next(in []byte) ([]byte, bool, error) {
	out, err := (*s)[0](in)
	if err != nil {
		return nil, false, err
	}
	*s = (*s)[1:]
	return out, len(*s) == 0, nil
}

func say(text string) func([]byte) ([]byte, error) {
	return func([]byte) ([]byte, error) { return []byte(text), nil }
}

// expect ends a mechanism when the answer is right.
func expect(m *received, want string) func([]byte) ([]byte, error) {
	return func(in []byte) ([]byte, error) {
		if string(in) != want {
			return nil, gosmtp.ErrAuthFailed
		}
		m.user = user
		return nil, nil
	}
}

func mechanisms() map[string]func(*received) sasl.Server {
	return map[string]func(*received) sasl.Server{
		smtp.Plain: func(m *received) sasl.Server {
			return sasl.NewPlainServer(func(_, u, p string) error {
				if u != user || p != password {
					return gosmtp.ErrAuthFailed
				}
				m.user = u
				return nil
			})
		},
		smtp.Login: func(m *received) sasl.Server {
			return &steps{say("Username:"), say("Password:"), expect(m, password)}
		},
		smtp.CramMD5: func(m *received) sasl.Server {
			challenge := "<1896.697170952@mail.test>"
			h := hmac.New(md5.New, []byte(password))
			h.Write([]byte(challenge))
			return &steps{say(challenge), expect(m, user+" "+hex.EncodeToString(h.Sum(nil)))}
		},
		smtp.XOAuth2: func(m *received) sasl.Server {
			return &steps{expect(m, "user="+user+"\x01auth=Bearer "+token+"\x01\x01")}
		},
		smtp.ScramSHA1:   func(m *received) sasl.Server { return scram(m, sha1.New) },
		smtp.ScramSHA256: func(m *received) sasl.Server { return scram(m, sha256.New) },
	}
}

// scram is RFC 5802's server side, without a channel binding.
func scram(m *received, mk func() hash.Hash) sasl.Server {
	salt, rounds := []byte("salty salt"), 4096
	sum := func(key []byte, text string) []byte {
		h := hmac.New(mk, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	var bare, first string
	return &steps{
		say(""), // the library sends nothing with AUTH
		func(in []byte) ([]byte, error) {
			bare, _ = strings.CutPrefix(string(in), "n,,")
			name, nonce, _ := strings.Cut(bare, ",r=")
			if name != "n="+user || nonce == "" {
				return nil, fmt.Errorf("client's first message %q", in)
			}
			first = fmt.Sprintf("r=%sserver,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString(salt), rounds)
			return []byte(first), nil
		},
		func(in []byte) ([]byte, error) {
			without, proof64, _ := strings.Cut(string(in), ",p=")
			salted, err := pbkdf2.Key(mk, password, salt, rounds, mk().Size())
			if err != nil {
				return nil, err
			}
			key := sum(salted, "Client Key")
			h := mk()
			h.Write(key)
			signed := bare + "," + first + "," + without
			signature := sum(h.Sum(nil), signed)
			proof, err := base64.StdEncoding.DecodeString(proof64)
			if err != nil || len(proof) != len(signature) {
				return nil, gosmtp.ErrAuthFailed
			}
			for i := range proof {
				proof[i] ^= signature[i]
			}
			if !bytes.Equal(proof, key) {
				return nil, gosmtp.ErrAuthFailed
			}
			return []byte("v=" + base64.StdEncoding.EncodeToString(sum(sum(salted, "Server Key"), signed))), nil
		},
		func([]byte) ([]byte, error) {
			m.user = user
			return nil, nil
		},
	}
}

// only is some of the mechanisms.
func only(names ...string) map[string]func(*received) sasl.Server {
	out := map[string]func(*received) sasl.Server{}
	for _, n := range names {
		out[n] = mechanisms()[n]
	}
	return out
}

func TestAuth(t *testing.T) {
	t.Parallel()
	for _, name := range []string{smtp.Plain, smtp.Login, smtp.CramMD5, smtp.ScramSHA1, smtp.ScramSHA256, smtp.XOAuth2} {
		for _, mode := range []smtp.TLSMode{smtp.TLSStartTLS, smtp.TLSImplicit} {
			s := serve(t, &server{auth: only(name)}, mode)
			c := client(t, s, mode)
			c.Username, c.Password = user, password
			if name == smtp.XOAuth2 {
				c.Token = func(context.Context) (string, error) { return token, nil }
			}
			if err := c.Send(t.Context(), hello()); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := s.messages(); len(got) != 1 || got[0].user != user || !got[0].tls {
				t.Errorf("%s: %+v", name, got)
			}
			c.Password = "wrong"
			c.Token = nil
			c.Mechanisms = []string{name}
			wantError(t, name+", a wrong password", c.Send(t.Context(), hello()), smtp.StepAuth, 535, false, nil)
		}
	}
}

// Which one is taken, and what is not done without TLS.
func TestAuthChoice(t *testing.T) {
	t.Parallel()
	all := []string{smtp.Plain, smtp.Login, smtp.CramMD5, smtp.ScramSHA1, smtp.ScramSHA256}
	for _, c := range []struct {
		name    string
		offers  []string
		change  func(*smtp.Client)
		mode    smtp.TLSMode
		refused string // the step
		want    string // mechanism; empty: none
	}{
		{"the safest", all, nil, smtp.TLSStartTLS, "", smtp.ScramSHA256},
		{"the safest, without TLS", all, nil, smtp.TLSNone, "", smtp.ScramSHA256},
		{"no password without TLS", []string{smtp.Plain, smtp.Login}, nil, smtp.TLSNone, smtp.StepAuth, ""},
		{"a password without TLS", []string{smtp.Plain, smtp.Login}, func(c *smtp.Client) { c.PasswordWithoutTLS = true }, smtp.TLSNone, "", smtp.Plain},
		{"no token without TLS", []string{smtp.XOAuth2}, func(c *smtp.Client) { c.Mechanisms = []string{smtp.XOAuth2} }, smtp.TLSNone, smtp.StepAuth, ""},
		{"the user's order", all, func(c *smtp.Client) { c.Mechanisms = []string{"DIGEST-MD5", smtp.Login, smtp.Plain} }, smtp.TLSStartTLS, "", smtp.Login},
		{"none is offered", nil, nil, smtp.TLSStartTLS, smtp.StepAuth, ""},
		{"no user", all, func(c *smtp.Client) { c.Username = "" }, smtp.TLSStartTLS, "", "none"},
	} {
		used := "none"
		offers := map[string]func(*received) sasl.Server{}
		for name, mk := range only(c.offers...) {
			offers[name] = func(m *received) sasl.Server {
				used = name
				return mk(m)
			}
		}
		s := serve(t, &server{auth: offers}, c.mode)
		cl := client(t, s, c.mode)
		cl.Username, cl.Password = user, password
		if c.change != nil {
			c.change(cl)
		}
		err := cl.Send(t.Context(), hello())
		if c.refused != "" {
			wantError(t, c.name, err, c.refused, 0, true, smtp.ErrNoAuth)
			if used != "none" {
				t.Errorf("%s: %s was begun", c.name, used)
			}
		} else if err != nil || used != c.want {
			t.Errorf("%s: %v, by %s; want %s", c.name, err, used, c.want)
		}
	}
	s := serve(t, &server{auth: only(smtp.XOAuth2)}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	c.Username = user
	none := errors.New("no token today")
	c.Token = func(context.Context) (string, error) { return "", none }
	wantError(t, "no token", c.Send(t.Context(), hello()), smtp.StepAuth, 0, true, none)
}
