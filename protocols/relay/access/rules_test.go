package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// TestNothingIsAllowed: the zero value lets nobody in, and a grant without names is for none.
func TestNothingIsAllowed(t *testing.T) {
	var r Rules
	for _, a := range []string{"", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "bearer " + strings.Repeat("x", 10000)} {
		if g, err := r.Authenticate(Credentials{Authorization: a}, noon); err == nil {
			t.Errorf("%q: %+v", a, g)
		}
	}
	if _, err := (&Rules{Tokens: []Token{{Secret: ""}}}).Authenticate(Credentials{Authorization: "Bearer "}, noon); err == nil {
		t.Error("an empty token is taken")
	}
	var g Grant
	if g.Service("x") || g.Address("tcp://x:1") || !g.Address("") {
		t.Error("a grant for nothing")
	}
	if (&Rules{Tokens: []Token{{Secret: ""}}}).Check() == nil {
		t.Error("an empty secret is taken")
	}
	if (&Rules{Tokens: []Token{{Secret: "long enough", Grant: Grant{Services: []string{"[x"}}}}}).Check() == nil {
		t.Error("a bad pattern is taken")
	}
}

func TestTokens(t *testing.T) {
	r := Rules{Tokens: []Token{
		{Secret: "one-secret", Grant: Grant{Name: "one", Agent: true, Services: []string{"web", "cam-*"}, Addresses: []string{"tcp://127.0.0.1:90*"}}},
		{Secret: "old-secret", Grant: Grant{Name: "old", Expires: noon}},
	}}
	g, err := r.Authenticate(Credentials{Authorization: "bearer one-secret"}, noon)
	if err != nil || g.Name != "one" {
		t.Fatal(g, err)
	}
	for name, want := range map[string]bool{"web": true, "cam-1": true, "cam": false, "ssh": false, "WEB": false} {
		if g.Service(name) != want {
			t.Errorf("service %s: %v", name, !want)
		}
	}
	if !g.Address("tcp://127.0.0.1:9001") || g.Address("tcp://0.0.0.0:9001") {
		t.Error("addresses")
	}
	if _, err := r.Authenticate(Credentials{Authorization: "Bearer old-secret"}, noon); !errors.Is(err, ErrCredentials) {
		t.Errorf("expired: %v", err)
	}
	if _, err := r.Authenticate(Credentials{Authorization: "Bearer old-secret"}, noon.Add(-1)); err != nil {
		t.Errorf("before it expires: %v", err)
	}
}

func TestCertificates(t *testing.T) {
	r := Rules{Certificates: []Certificate{{Name: "agent.example", Grant: Grant{Name: "c", Agent: true}}}}
	if _, err := r.Authenticate(Credentials{Certificate: &x509.Certificate{DNSNames: []string{"agent.example"}}}, noon); err != nil {
		t.Error(err)
	}
	if _, err := r.Authenticate(Credentials{Certificate: &x509.Certificate{Subject: pkix.Name{CommonName: "agent.example"}}}, noon); err != nil {
		t.Error(err)
	}
	other := &x509.Certificate{DNSNames: []string{"other.example"}, Subject: pkix.Name{CommonName: "agent.example"}}
	if _, err := r.Authenticate(Credentials{Certificate: other}, noon); err == nil {
		t.Error("the common name counts beside a DNS name")
	}
}

// TestJWT: each algorithm is taken with its key, and nothing that is wrong in any way.
func TestJWT(t *testing.T) {
	secret := []byte(strings.Repeat("k", 32))
	rk, _ := rsa.GenerateKey(rand.Reader, 2048)
	ek, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	pub := func(k any) []byte {
		b, err := x509.MarshalPKIXPublicKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: b})
	}
	keys := map[string]struct {
		sign   any
		method jwt.SigningMethod
		verify []byte
	}{
		"HS256": {secret, jwt.SigningMethodHS256, secret}, "RS256": {rk, jwt.SigningMethodRS256, pub(&rk.PublicKey)}, "ES256": {ek, jwt.SigningMethodES256, pub(&ek.PublicKey)},
	}
	good := func() jwt.MapClaims {
		return jwt.MapClaims{
			"sub": "lab", "aud": "relay", "iss": "me", "exp": noon.Add(time.Hour).Unix(), "relay_role": "both", "relay_services": []string{"web"},
			"relay_addresses": []string{"tcp://x:1"},
		}
	}
	for name, k := range keys {
		r := Rules{JWT: &JWT{Algorithm: name, Key: k.verify, Audience: "relay", Issuer: "me", MaxLifetime: 2 * time.Hour}}
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		try := func(m jwt.SigningMethod, key any, change func(jwt.MapClaims)) (*Grant, error) {
			c := good()
			change(c)
			s, err := jwt.NewWithClaims(m, c).SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			return r.Authenticate(Credentials{Authorization: "Bearer " + s}, noon)
		}
		g, err := try(k.method, k.sign, func(jwt.MapClaims) {})
		if err != nil || g.Name != "lab" || !g.Agent || !g.Client || !g.Service("web") || g.Service("ssh") || !g.Address("tcp://x:1") || !g.Expires.Equal(noon.Add(time.Hour)) {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
		for what, change := range map[string]func(jwt.MapClaims){
			"expired":          func(c jwt.MapClaims) { c["exp"] = noon.Unix() },
			"no exp":           func(c jwt.MapClaims) { delete(c, "exp") },
			"lasts too long":   func(c jwt.MapClaims) { c["exp"] = noon.Add(3 * time.Hour).Unix() },
			"other audience":   func(c jwt.MapClaims) { c["aud"] = "other" },
			"no audience":      func(c jwt.MapClaims) { delete(c, "aud") },
			"other issuer":     func(c jwt.MapClaims) { c["iss"] = "other" },
			"not yet":          func(c jwt.MapClaims) { c["nbf"] = noon.Add(time.Minute).Unix() },
			"no sub":           func(c jwt.MapClaims) { delete(c, "sub") },
			"no role":          func(c jwt.MapClaims) { delete(c, "relay_role") },
			"a role of others": func(c jwt.MapClaims) { c["relay_role"] = "admin" },
		} {
			if g, err := try(k.method, k.sign, change); !errors.Is(err, ErrCredentials) {
				t.Errorf("%s, %s: %+v, %v", name, what, g, err)
			}
		}
		if g, err := try(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, func(jwt.MapClaims) {}); err == nil {
			t.Errorf("%s: alg none: %+v", name, g)
		}
		if name != "HS256" { // the public key as a secret
			if g, err := try(jwt.SigningMethodHS256, k.verify, func(jwt.MapClaims) {}); err == nil {
				t.Errorf("%s: HS256 with the public key: %+v", name, g)
			}
		}
		if g, err := try(jwt.SigningMethodHS512, secret, func(jwt.MapClaims) {}); err == nil {
			t.Errorf("%s: HS512: %+v", name, g)
		}
	}
	for what, j := range map[string]*JWT{
		"none": {Algorithm: "none", Audience: "x"}, "short": {Algorithm: "HS256", Key: []byte("short"), Audience: "x"},
		"no audience": {Algorithm: "HS256", Key: secret}, "no PEM": {Algorithm: "RS256", Key: secret, Audience: "x"}, "RSA for ES": {Algorithm: "ES256", Key: pub(&rk.PublicKey), Audience: "x"},
	} {
		if err := (&Rules{JWT: j}).Check(); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestClients(t *testing.T) {
	c := Clients{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Deny: []netip.Prefix{netip.MustParsePrefix("10.6.6.6/32")}}
	for s, want := range map[string]bool{"10.1.1.1": true, "::ffff:10.1.1.1": true, "10.6.6.6": false, "::ffff:10.6.6.6": false, "11.0.0.1": false, "::1": false} {
		if c.Admit(netip.MustParseAddr(s)) != want {
			t.Errorf("%s: %v", s, !want)
		}
	}
	if c.Admit(netip.Addr{}) || !(&Clients{}).Admit(netip.Addr{}) {
		t.Error("an unknown address")
	}
}

func ExampleTargets() {
	var t Targets
	fmt.Println(t.Check(netip.MustParseAddrPort("169.254.169.254:80")))
	fmt.Println(t.Check(netip.MustParseAddrPort("1.1.1.1:443")))
	// Output:
	// relay: target is not allowed: 169.254.169.254 is a reserved address
	// <nil>
}
