package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"-root", "."}, true},
		{[]string{"-origin", "http://127.0.0.1/"}, true},
		{[]string{"-root", ".", "-ports", "2000-3000", "-map", "^/=", "-client-dirs", "mac,ip"}, true},
		{nil, false},
		{[]string{"-root", ".", "-origin", "http://127.0.0.1/"}, false},
		{[]string{"-origin", "http://127.0.0.1/", "-create"}, false},
		{[]string{"-root", ".", "-ports", "3000-2000"}, false},
		{[]string{"-root", ".", "-ports", "0-1"}, false},
		{[]string{"-root", ".", "-ports", "2000-3000", "-single-port"}, false},
		{[]string{"-root", ".", "-client-dirs", "name"}, false},
		{[]string{"-root", ".", "-map", "("}, false},
		{[]string{"-root", ".", "-map", "(=x"}, false},
		{[]string{"-root", ".", "more"}, false},
	} {
		if o, err := parseFlags(c.args); (err == nil) != c.ok {
			t.Errorf("%q: %+v, %v", c.args, o, err)
		}
	}
}

func TestMap(t *testing.T) {
	var r rules
	for _, s := range []string{`^/?tftpboot/=`, `^boot\.(\w+)$=images/$1/boot`} {
		if err := r.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"/tftpboot/f": "f", "boot.x64": "images/x64/boot", "other": "other"} {
		if got := r.apply(name); got != want {
			t.Errorf("%s: %s; want %s", name, got, want)
		}
	}
}

// TestDaemon: it serves, and drains.
func TestDaemon(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("boot"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := parseFlags([]string{"-root", dir, "-listen", "127.0.0.1:0", "-metrics", "127.0.0.1:0", "-single-port", "-map", "^/tftpboot/="})
	if err != nil {
		t.Fatal(err)
	}
	d, err := start(o, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var b bytes.Buffer
	if _, err := (tftp.Client{Reactor: d.reactor, Addr: d.addr}).Get(context.Background(), "/tftpboot/f", &b); err != nil || b.String() != "boot" {
		t.Errorf("%q, %v", b.String(), err)
	}
	silent, err := net.Dial("udp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	silent.Write([]byte("\x00\x01f\x00octet\x00"))
	silent.Read(make([]byte, 600)) // it has begun
	if rows := d.rows(); len(rows) != 1 || rows[0][1] != "f" {
		t.Errorf("%v", rows)
	}
	silent.Write([]byte("\x00\x05\x00\x00\x00"))
	if err := d.shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
