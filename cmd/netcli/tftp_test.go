package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

func TestTFTP(t *testing.T) {
	dir, here := t.TempDir(), t.TempDir()
	os.WriteFile(filepath.Join(dir, "boot"), []byte(strings.Repeat("boot me\n", 1000)), 0o644)
	files, err := tftp.NewFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	files.Create = true
	r := reactor.New(reactor.Config{})
	socket, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&tftp.Server{Source: files, Sink: files.Sink()}).Serve(r, socket); err != nil {
		t.Fatal(err)
	}
	defer func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		r.Shutdown(ended)
	}()
	addr, to := socket.LocalAddr().String(), filepath.Join(here, "got")

	code, out, errs := cli(t, "", "tftp", "get", addr, "boot", "-o", to, "-json", "-blksize", "512", "-windowsize", "4")
	var res tftpResult
	if b, err := os.ReadFile(to); code != exitOK || err != nil || len(b) != 8000 {
		t.Errorf("get: %d, %s%s, %d bytes, %v", code, out, errs, len(b), err)
	}
	if err := json.Unmarshal([]byte(out), &res); err != nil || res.Bytes != 8000 || res.Blksize != 512 || res.Windowsize != 4 {
		t.Errorf("%s: %v", out, err)
	}
	if code, out, _ := cli(t, "", "tftp", "get", addr, "boot", "-o", "-", "-q", "-mode", "netascii"); code != exitOK || len(out) != 8000 {
		t.Errorf("get: %d, %d bytes", code, len(out))
	}
	if code, _, errs := cli(t, "hello", "tftp", "put", addr, "new", "-o", "-"); code != exitOK {
		t.Errorf("put: %d, %s", code, errs)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "new")); string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	if code, _, errs := cli(t, "", "tftp", "put", addr, "new2", "-o", to); code != exitOK {
		t.Errorf("put: %d, %s", code, errs)
	}
	for _, c := range []struct {
		want int
		args []string
	}{
		{exitStatus, []string{"get", addr, "nothing", "-o", to}},
		{exitStatus, []string{"put", addr, "new", "-o", to}},
		{exitUsage, []string{"list", addr, "f"}},
		{exitUsage, []string{"get", addr, "f", "-mode", "mail"}},
		{exitUsage, []string{"get", addr}},
		{exitFile, []string{"put", addr, "f", "-o", filepath.Join(here, "nothing")}},
		{exitNetwork, []string{"get", "nowhere.invalid", "f", "-o", to}},
	} {
		if code, _, errs := cli(t, "", append([]string{"tftp"}, c.args...)...); code != c.want {
			t.Errorf("%q: %d, %s; want %d", c.args, code, errs, c.want)
		}
	}
	left, _ := filepath.Glob(filepath.Join(here, ".netcli-*"))
	if len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
