package wire

import "testing"

// A Host that was found good before is not checked again; any other one is, whatever came before it.
func TestHostAgain(t *testing.T) {
	var r Request
	long := "h" // over keepHost
	for len(long) <= keepHost {
		long += "h"
	}
	for _, c := range []struct {
		host string
		good bool
	}{
		{"a.example", true},
		{"a.example", true},
		{"a.exampl e", false},
		{"a.exampl e", false},
		{"a.example", true},
		{"a.example:80", true},
		{"a.example:8x", false},
		{"a.example", true},
		{"", true},
		{"[::1]", true},
		{"[::1", false},
		{"[::1]", true},
		{long, true},
		{long, true},
		{long + "/", false},
		{long, true},
	} {
		n, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n"), nil)
		if (err == nil) != c.good || (n > 0) != c.good {
			t.Errorf("%q: %d, %v", c.host, n, err)
		}
		if err != nil {
			r.Reset()
		}
	}
}
