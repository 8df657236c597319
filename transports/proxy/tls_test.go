package proxy_test

import (
	ctls "crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// The header outside, TLS inside: the header in one segment with the ClientHello, and cut anywhere before.
func TestProtocolThenTLS(t *testing.T) {
	t.Parallel()
	cert, err := tls.SelfSigned("localhost")
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secured := &tls.Server{
		Config: &ctls.Config{Certificates: []ctls.Certificate{cert}},
		Next:   reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return asker{} }),
	}
	if _, err := r.Listen(ln, &proxy.Protocol{Next: secured, Trusted: netaddr.MustSet("127.0.0.1"), Keep: true}); err != nil {
		t.Fatal(err)
	}
	header, err := proxy.AppendV2(nil, &proxy.Header{
		Source: addr("192.0.2.1:1"), Destination: addr("198.51.100.1:443"), TLVs: []proxy.TLV{{proxy.TypeUniqueID, []byte("id7")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 1, 12, 16, len(header) - 1, len(header)} {
		raw, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		raw.SetDeadline(time.Now().Add(patience))
		raw.Write(header[:cut])
		c := ctls.Client(&first{Conn: raw, head: header[cut:]}, &ctls.Config{InsecureSkipVerify: true})
		io.WriteString(c, " hello")
		c.CloseWrite()
		got, err := io.ReadAll(c)
		if err != nil || string(got) != " id7 198.51.100.1:443 hello|EOF" {
			t.Errorf("cut at %d: %q, %v", cut, got, err)
		}
		c.Close()
	}
}

// first writes head in front of what is written first.
type first struct {
	net.Conn
	head []byte
}

func (f *first) Write(p []byte) (int, error) {
	if len(f.head) == 0 {
		return f.Conn.Write(p)
	}
	n := len(f.head)
	all := append(f.head[:n:n], p...)
	f.head = nil
	k, err := f.Conn.Write(all)
	return max(k-n, 0), err
}
