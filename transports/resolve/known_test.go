package resolve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCanonical(t *testing.T) {
	long := strings.Repeat("a", 63)
	name253 := long + "." + long + "." + long + "." + strings.Repeat("a", 61)
	for in, want := range map[string]string{
		"a": "a", "A.b": "a.b", "a.": "a", "_dns.a-b.Test.": "_dns.a-b.test", long: long, name253: name253, name253 + ".": name253,
		"": "", ".": "", "..": "", ".a": "", "a..b": "", "a..": "", "a b": "", "a\n": "", "a\x00": "", "é.test": "", "a/b": "", "a:b": "",
		long + "a": "", name253 + "a": "", "a\r\nb": "", "*": "", "a%b": "",
	} {
		if got, ok := canonical(in); ok != (want != "") || got != want && ok {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
}

// FuzzHosts has any file read as a hosts file.
func FuzzHosts(f *testing.F) {
	f.Add("127.0.0.1 localhost\n::1 localhost ip6-localhost # both\n\n192.0.2.1\tA.test b.test\r\nnoise here\n192.0.2.2\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, err := parseHosts(strings.NewReader(text))
		if err != nil {
			return
		}
		for name, all := range names {
			if got, ok := canonical(name); !ok || got != name || len(all) == 0 || len(all) > defaultMaxAddrs {
				t.Fatalf("%q: %v", name, all)
			}
		}
	})
}

// nobody is a system's resolver that must not be asked.
func nobody(t *testing.T) *fake {
	return &fake{answer: func(_ int, q question) (*reply, error) {
		t.Errorf("asked for %s", q.name)
		return nil, errServerFailed
	}}
}

// Names that nobody is asked for.
func TestKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	text := "192.0.2.10 file.test Both.test\n2001:db8::10 file.test # file.test\n192.0.2.11 file.test\n192.0.2.12 static.test localhost\n" +
		"not an address\n192.0.2.13\n192.0.2.14 #none.test\n192.0.2.10 file.test\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &Resolver{
		System: nobody(t), HostsFile: path,
		Static: map[string][]netip.Addr{"Static.test.": ips("192.0.2.20", "2001:db8::20"), "none.test": nil},
	}
	for _, c := range []struct {
		network, host, want string
		err                 error
	}{
		{"ip", "192.0.2.1", "[192.0.2.1]", nil},
		{"ip4", "192.0.2.1", "[192.0.2.1]", nil},
		{"ip6", "192.0.2.1", "", ErrNoAddress},
		{"ip6", "2001:db8::1", "[2001:db8::1]", nil},
		{"ip4", "2001:db8::1", "", ErrNoAddress},
		{"ip4", "::ffff:192.0.2.1", "[192.0.2.1]", nil},
		{"ip", "fe80::1%eth0", "[fe80::1%eth0]", nil},
		{"ip", "static.TEST", "[192.0.2.20 2001:db8::20]", nil},
		{"ip6", "static.test", "[2001:db8::20]", nil},
		{"ip", "none.test", "", ErrNotFound},
		{"ip", "file.test", "[192.0.2.10 2001:db8::10 192.0.2.11]", nil},
		{"ip4", "both.test.", "[192.0.2.10]", nil},
		{"ip6", "both.test", "", ErrNoAddress},
		{"ip", "localhost", "[192.0.2.12]", nil}, // the file comes before the standard
		{"ip", "a.localhost", "[::1 127.0.0.1]", nil},
		{"ip4", "LOCALHOST.localhost.", "[127.0.0.1]", nil},
		{"ip", "a.invalid", "", ErrNotFound},
		{"ip", "abc.onion", "", ErrNotFound},
		{"ip", "a b", "", ErrName},
		{"ip", "", "", ErrName},
	} {
		got, err := r.LookupNetIP(t.Context(), c.network, c.host)
		if !errors.Is(err, c.err) || err == nil && fmt.Sprint(got) != c.want {
			t.Errorf("%s %q: %v, %v; want %s, %v", c.network, c.host, got, err, c.want, c.err)
		}
		var de *net.DNSError
		if err != nil && (!errors.As(err, &de) || !de.IsNotFound) {
			t.Errorf("%s %q: %#v", c.network, c.host, err)
		}
	}
	if _, err := r.LookupNetIP(t.Context(), "tcp", "a.test"); !errors.As(err, new(net.UnknownNetworkError)) {
		t.Errorf("network tcp: %v", err)
	}
	if _, err := (&Resolver{Static: map[string][]netip.Addr{"a b": nil}}).LookupNetIP(t.Context(), "ip", "a.test"); !errors.Is(err, ErrName) {
		t.Errorf("a static name that is none: %v", err)
	}
}

// A hosts file is read again when it has changed, looked at every five seconds.
func TestHostsChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: bad(ErrNotFound, 0)}
		r := f.resolver(&Resolver{HostsFile: path})
		want := func(what string, want string) {
			t.Helper()
			got, err := r.LookupNetIP(t.Context(), "ip4", "a.test")
			if (err == nil) != (want != "") || err == nil && got[0] != ip(want) {
				t.Errorf("%s: %v, %v", what, got, err)
			}
		}
		write := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want("no file", "")
		write("192.0.2.1 a.test\n")
		want("not looked at yet", "")
		<-time.After(hostsEvery)
		want("looked at", "192.0.2.1")
		write("192.0.2.22 a.test\n")
		want("not looked at again", "192.0.2.1")
		<-time.After(hostsEvery)
		want("looked at again", "192.0.2.22")
		os.Remove(path)
		<-time.After(hostsEvery)
		want("removed", "")
	})
	// A file that cannot be read is not a file without names.
	r := &Resolver{HostsFile: t.TempDir(), System: nobody(t)}
	if _, err := r.LookupNetIP(t.Context(), "ip", "a.test"); !errors.Is(err, ErrServer) {
		t.Errorf("%v", err)
	}
	if _, err := parseHosts(strings.NewReader(strings.Repeat("# a comment line\n", maxHosts/17+1))); err == nil {
		t.Error("a file without end was read")
	}
}
