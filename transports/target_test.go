package transports_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

func TestParseTarget(t *testing.T) {
	for _, c := range []struct{ in, network, address string }{
		{"127.0.0.1:80", "tcp", "127.0.0.1:80"},
		{":0", "tcp", ":0"},
		{"[::1]:http", "tcp", "[::1]:http"},
		{"localhost:8080", "tcp", "localhost:8080"},
		{"unix:/run/s", "unix", "/run/s"},
		{"unix:s", "unix", "s"},
		{"unix:@name", "unix", "@name"},
		{"unix:/a:b", "unix", "/a:b"},
		{"", "", ""},
		{"localhost", "", ""},
		{"localhost:", "", ""},
		{"::1:80", "", ""},
		{"unix:", "", ""},
	} {
		got, err := transports.ParseTarget(c.in)
		if (err != nil) != (c.network == "") {
			t.Errorf("%q: %v", c.in, err)
		}
		if got.Network != c.network || got.Address != c.address {
			t.Errorf("%q: %+v", c.in, got)
		}
		if err == nil && got.String() != c.in {
			t.Errorf("%q became %q", c.in, got)
		}
	}
}

// echo sends everything back.
type echo struct{}

func (echo) OnOpen(*reactor.Conn) {}

func (echo) OnData(c *reactor.Conn, in []byte) int {
	n, _ := c.Write(in)
	return n
}

func (echo) OnClose(*reactor.Conn, error) {}

func TestListenAndDial(t *testing.T) {
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	for _, target := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
		ln, err := transports.Listen(target)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return echo{} })); err != nil {
			t.Fatal(err)
		}
		s, err := transports.Target{Network: ln.Addr().Network(), Address: ln.Addr().String()}.Dial(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		s.Write([]byte("x"))
		if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		s.Close()
	}
}

func TestListenErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"nonsense", ln.Addr().String(), "unix:" + file} {
		if ln, err := transports.Listen(target); err == nil || ln != nil {
			t.Errorf("%s: %v, %v", target, ln, err)
		}
	}
}

func ExampleListen() {
	ln, err := transports.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ln.Close()
	fmt.Println(ln.Addr().Network())

	_, err = transports.Listen("unix:")
	fmt.Println(err)
	// Output:
	// tcp
	// address unix:: transports: a unix target has no path
}
