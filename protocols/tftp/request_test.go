package tftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
)

// TestRefusals: every refusal has its code, and tells no path.
func TestRefusals(t *testing.T) {
	s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
		f.Create = true
		s.Sink = f.Sink()
	})
	s.put(t, "there", noise(10))
	s.put(t, "dir/f", noise(10))
	for _, c := range []struct {
		request string
		code    byte
		reason  string
	}{
		{rrq("nothing"), 1, "not_found"},
		{rrq("dir"), 1, "not_found"},
		{rrq("there/f"), 1, ""},
		{rrq("../there"), 2, "access"},
		{rrq("/../../etc/passwd"), 2, "access"},
		{rrq(`..\there`), 2, "access"},
		{rrq("a\x01b"), 2, "access"},
		{rrq("/"), 2, "access"},
		{rrq(strings.Repeat("n", 300)), 2, "access"},
		{"\x00\x01\x00octet\x00", 4, "empty_filename"},
		{"\x00\x01f\x00mail\x00", 4, "mail_mode"},
		{"\x00\x01f\x00binary\x00", 4, "unknown_mode"},
		{"\x00\x01f\x00oct", 4, "unterminated_string"},
		{"\x00\x01", 4, ""},
		{rrq(strings.Repeat("d/", 260)), 4, "request_too_long"},
		{rrq("there", "blksize", "512", "BLKSIZE", "512"), 8, "repeated_option"},
		{wrq("there"), 6, "exists"},
		{wrq("dir"), 2, ""},
		{wrq("nowhere/f"), 1, "not_found"},
		{wrq("../f"), 2, "access"},
		{wrq("f", "tsize", fmt.Sprint(2<<30)), 3, "too_large"},
		{wrq(".tftp-1.part"), 2, "access"},
	} {
		p := newPeer(t, s.addr)
		p.send(c.request)
		got := p.receive()
		if !strings.HasPrefix(got, "\x00\x05\x00"+string(rune(c.code))) || strings.ContainsAny(got[4:], "/\\") || strings.Contains(got, s.dir) {
			t.Errorf("%.40q: answered %q; want code %d", c.request, got, c.code)
		}
	}
	n := 0
	for _, want := range []string{"not_found", "not_found"} {
		n++
		if i := s.report(t, n); i.Reason != want {
			t.Errorf("report %d: %+v", n, i)
		}
	}
}

// TestReadOnly: without more, nothing can be written, and a server without a source has nothing to read.
func TestReadOnly(t *testing.T) {
	s := newSite(t, nil)
	if _, err := s.client().Put(ctx(t), "f", bytes.NewReader(nil), 0); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
	s = newSite(t, func(s *tftp.Server, f *tftp.Files) { s.Sink, s.Source = f.Sink(), nil })
	if _, err := s.client().Put(ctx(t), "f", bytes.NewReader(nil), 0); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
	if _, err := s.client().Get(ctx(t), "f", io.Discard); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

// TestPolicies: what may be created and what replaced.
func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		create, overwrite bool
		fresh, old        error
	}{{true, false, nil, fs.ErrExist}, {false, true, fs.ErrNotExist, nil}, {true, true, nil, nil}} {
		s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
			f.Create, f.Overwrite, f.Sync = c.create, c.overwrite, true
			s.Sink = f.Sink()
		})
		s.put(t, "old", []byte("old"))
		for name, want := range map[string]error{"fresh": c.fresh, "old": c.old} {
			_, err := s.client().Put(ctx(t), name, strings.NewReader("new"), 3)
			if want == nil && err != nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%+v: put %s: %v", c, name, err)
			}
			b, err := os.ReadFile(filepath.Join(s.dir, name))
			if want == nil && (err != nil || string(b) != "new") || want != nil && string(b) == "new" {
				t.Errorf("%+v: %s has %q, %v", c, name, b, err)
			}
		}
		waitNoTemps(s.dir)
		noTemps(t, s.dir)
	}
}

// waitNoTemps waits until workers have cleared up.
func waitNoTemps(dir string) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if left, _ := filepath.Glob(filepath.Join(dir, ".tftp-*")); len(left) == 0 {
			return
		}
	}
}

// noTemps fails if a temporary file is left.
func noTemps(t *testing.T, dir string) {
	t.Helper()
	left, _ := filepath.Glob(filepath.Join(dir, ".tftp-*"))
	if len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestQuota(t *testing.T) {
	s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
		writable(s, f)
		f.Quota, f.MaxFile = 100_000, 60_000
	})
	s.put(t, "before", noise(10_000))
	put := func(name string, n int, announce int64) error {
		_, err := s.client().Put(ctx(t), name, bytes.NewReader(noise(n)), announce)
		return err
	}
	for _, c := range []struct {
		name     string
		n        int
		announce int64
		fails    bool
	}{
		{"a", 60_001, 60_001, true}, // above MaxFile, as announced
		{"a", 60_001, -1, true},     // as it turns out
		{"a", 60_000, 60_000, false},
		{"b", 40_000, 40_000, true}, // above the quota
		{"b", 40_000, -1, true},
		{"a", 1000, -1, false}, // what it replaces goes
		{"b", 50_000, -1, false},
	} {
		waitNoTemps(s.dir) // what failed gives back what it took a moment after the client knows
		err := put(c.name, c.n, c.announce)
		if (err != nil) != c.fails || err != nil && !strings.Contains(err.Error(), "error 3") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	waitNoTemps(s.dir)
	noTemps(t, s.dir)
}

// TestKilledWrite: a transfer that ends anywhere leaves nothing under the name, and no temporary file.
func TestKilledWrite(t *testing.T) {
	for _, single := range []bool{false, true} {
		s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
			writable(s, f)
			s.SinglePort = single
			s.Transfer.Retries = 2
			s.Transfer.MaxRTO = 50 * time.Millisecond
			s.Transfer.InitialRTO = 20 * time.Millisecond
		})
		s.put(t, "old", []byte("old"))
		for blocks := range 8 {
			for _, how := range []string{"silence", "error"} {
				for _, name := range []string{"new", "old"} {
					p := newPeer(t, s.addr)
					p.send(wrq(name))
					p.receive() // ACK 0
					for n := 1; n <= blocks; n++ {
						p.send("\x00\x03\x00" + string(rune(n)) + string(noise(512)))
						p.receive()
					}
					if how == "error" {
						p.send("\x00\x05\x00\x00stop\x00")
					}
				}
			}
		}
		for n := 1; n <= 32; n++ {
			if i := s.report(t, n); i.Outcome != transfer.Failed && i.Outcome != transfer.Declined {
				t.Errorf("%+v", i)
			}
		}
		waitNoTemps(s.dir)
		noTemps(t, s.dir)
		if _, err := os.Stat(filepath.Join(s.dir, "new")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a part of a file: %v", err)
		}
		if got := string(s.file(t, "old")); got != "old" {
			t.Errorf("the old file has %q", got)
		}
	}
}

// TestSourceFails: a file that is cut off while it is read ends the transfer, and not with a shorter file.
func TestSourceFails(t *testing.T) {
	s := newSite(t, func(s *tftp.Server, f *tftp.Files) { f.CacheBytes = -1 })
	s.put(t, "f", noise(1<<20))
	c := s.client()
	cut := false
	c.Progress = func(done, size int64) {
		if !cut && done > 0 {
			cut = true
			if err := os.Truncate(filepath.Join(s.dir, "f"), 200_000); err != nil {
				t.Error(err)
			}
		}
	}
	c.WindowSize = 1
	if _, err := c.Get(ctx(t), "f", io.Discard); err == nil {
		t.Error("a file that was cut off was read as if it were whole")
	}
}

// TestBackendStalls: one that does not come back ends the transfer.
func TestBackendStalls(t *testing.T) {
	for _, where := range []string{"open", "read"} {
		released := make(chan struct{})
		s := newSite(t, func(s *tftp.Server, _ *tftp.Files) {
			s.OpenTimeout = 50 * time.Millisecond
			s.Source = &tftp.Handlers{Read: func(_ string, rf io.ReaderFrom) error {
				if where == "open" {
					<-released
				}
				_, err := rf.ReadFrom(waiting(released))
				return err
			}}
		})
		if _, err := s.client().Get(ctx(t), "f", io.Discard); err == nil {
			t.Error("no error")
		}
		if i := s.report(t, 1); i.Reason != "open_timeout" && i.Reason != "backend_stalled" {
			t.Errorf("%s: %+v", where, i)
		}
		close(released)
	}
}

// waiting is a reader that waits.
type waiting chan struct{}

func (w waiting) Read([]byte) (int, error) {
	<-w
	return 0, io.EOF
}

func TestRewrite(t *testing.T) {
	s := newSite(t, func(s *tftp.Server, _ *tftp.Files) {
		s.Rewrite = func(r *tftp.Request) (string, error) {
			if r.Name == "forbidden" {
				return "", fs.ErrPermission
			}
			if r.Name == "panic" {
				panic("rewrite")
			}
			return strings.TrimPrefix(r.Name, "/tftpboot/"), nil
		}
	})
	s.put(t, "f", noise(10))
	b, _ := get(t, s.client(), "/tftpboot/f")
	same(t, "f", b, noise(10))
	if i := s.report(t, 1); i.Request.Name != "f" || i.Request.Asked != "/tftpboot/f" {
		t.Errorf("%+v", i)
	}
	if _, err := s.client().Get(ctx(t), "forbidden", io.Discard); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
	if _, err := s.client().Get(ctx(t), "panic", io.Discard); err == nil {
		t.Error("no error")
	}
}
