package netaddr_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/netaddr"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace puts a new file in the place of path, in one step.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func newList(t *testing.T, c netaddr.ListConfig) *netaddr.List {
	t.Helper()
	l, err := netaddr.NewList(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func expect(t *testing.T, l *netaddr.List, when string, in ...string) {
	t.Helper()
	for _, a := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1"} {
		want := false
		for _, x := range in {
			want = want || x == a
		}
		if got := l.Contains(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %s is %v", when, a, got)
		}
	}
}

func TestListReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := filepath.Join(dir, "1"), filepath.Join(dir, "2")
	write(t, one, "10.0.0.1\n")
	write(t, two, "10.0.0.2\nwhat\n2001:db8::/64 ; x\n")
	l := newList(t, netaddr.ListConfig{Files: []string{two, one, one}, Poll: -1})
	expect(t, l, "at first", "10.0.0.1", "10.0.0.2", "2001:db8::1")
	if path, ok := l.Find(netip.MustParseAddr("10.0.0.2")); path != two || !ok {
		t.Errorf("it is in %q", path)
	}
	if f := l.Files(); len(f) != 2 || f[1].Report.BadLines != 1 || f[1].Report.Bad[0].Line != 2 || f[1].Networks != 2 {
		t.Errorf("%+v", f)
	}

	write(t, one, "10.0.0.3\n")
	expect(t, l, "before Reload", "10.0.0.1", "10.0.0.2", "2001:db8::1")
	if err := l.Reload(); err != nil {
		t.Error(err)
	}
	expect(t, l, "after it", "10.0.0.3", "10.0.0.2", "2001:db8::1")
	if _, ok := l.Find(netip.MustParseAddr("10.0.0.1")); ok {
		t.Error("what is gone is found")
	}
}

// A bad file keeps what it held, and does not hold up the others.
func TestListKeepsOld(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, path string) error{
		"vanished":   func(t *testing.T, path string) error { os.Remove(path); return fs.ErrNotExist },
		"error page": func(t *testing.T, path string) error { write(t, path, "<html>\n"); return netaddr.ErrNoEntries },
		"too large": func(t *testing.T, path string) error {
			write(t, path, strings.Repeat("10.0.0.2\n", 200))
			return netaddr.ErrTooLarge
		},
		"folder": func(t *testing.T, path string) error { os.Remove(path); os.Mkdir(path, 0o700); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			one, two := filepath.Join(dir, "1"), filepath.Join(dir, "2")
			write(t, one, "10.0.0.1\n")
			write(t, two, "10.0.0.2\n")
			l := newList(t, netaddr.ListConfig{Files: []string{one, two}, Poll: -1, Parse: netaddr.ParseConfig{MaxBytes: 1000}})
			want := spoil(t, one)
			replace(t, two, "10.0.0.3\n")
			err := l.Reload()
			if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), one) {
				t.Errorf("Reload: %v, want %v", err, want)
			}
			expect(t, l, "after it", "10.0.0.1", "10.0.0.3")
			if f := l.Files(); f[0].Err == nil || f[0].Networks != 1 || f[1].Err != nil {
				t.Errorf("%+v", f)
			}
			os.Remove(one)
			replace(t, one, "10.0.0.2\n")
			if err := l.Reload(); err != nil {
				t.Error(err)
			}
			expect(t, l, "when it is back", "10.0.0.2", "10.0.0.3")
		})
	}
}

func TestListNeedsItsFiles(t *testing.T) {
	t.Parallel()
	_, err := netaddr.NewList(netaddr.ListConfig{Files: []string{filepath.Join(t.TempDir(), "none")}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	l := newList(t, netaddr.ListConfig{})
	expect(t, l, "no files")
	l.Close()
	if err := l.Reload(); err == nil {
		t.Error("Reload after Close")
	}
}

// The files are looked at every Poll, by size and time; the clock is a fake one, the file system is not.
func TestListPolls(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "list")
	write(t, path, "10.0.0.1\n")
	synctest.Test(t, func(t *testing.T) {
		l := newList(t, netaddr.ListConfig{Files: []string{path}})
		defer l.Close()
		replace(t, path, "10.0.0.2\n")
		wait(4900 * time.Millisecond)
		expect(t, l, "before the poll", "10.0.0.1")
		wait(200 * time.Millisecond)
		expect(t, l, "after the poll", "10.0.0.2")

		os.Remove(path)
		wait(5 * time.Second)
		expect(t, l, "vanished", "10.0.0.2")
		if l.Files()[0].Err == nil {
			t.Error("nobody is told")
		}
		write(t, path, "junk\n")
		wait(5 * time.Second)
		expect(t, l, "junk", "10.0.0.2")
		replace(t, path, "10.0.0.3\n")
		wait(5 * time.Second)
		expect(t, l, "good again", "10.0.0.3")
		loaded := l.Files()[0].Loaded
		wait(20 * time.Second)
		if !l.Files()[0].Loaded.Equal(loaded) {
			t.Error("an unchanged file was read again")
		}
	})
}

// wait lets d of the bubble's time pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// Readers never see anything but one whole list or the other.
func TestListReplacedUnderReaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list")
	write(t, path, "10.0.0.1\n")
	l := newList(t, netaddr.ListConfig{Files: []string{path}, Poll: -1})
	stop := make(chan struct{})
	var readers sync.WaitGroup
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if s := l.Set(); s.Contains(one) == s.Contains(two) {
					t.Error("half a list")
					return
				}
				l.Contains(one)
			}
		})
	}
	for i := range 50 {
		replace(t, path, []string{"10.0.0.1\n", "10.0.0.2\n"}[i%2])
		if err := l.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}
