package netaddr_test

import (
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/transports/netaddr"
)

func TestParseMAC(t *testing.T) {
	const want = "00:00:5e:00:53:01"
	for _, in := range []string{want, "00:00:5E:00:53:01", "00-00-5e-00-53-01", "0000.5e00.5301", "00005e005301", "00005E005301"} {
		m, err := netaddr.ParseMAC(in)
		if err != nil || m.String() != want || !m.IsValid() {
			t.Errorf("%s: %v, %v", in, m, err)
		}
	}
	eight, infiniband := "02:00:5e:10:00:00:00:01", strings.Repeat("0a:", 19)+"0b"
	for _, in := range []string{eight, infiniband} {
		m, err := netaddr.ParseMAC(in)
		if err != nil || m.String() != in {
			t.Errorf("%s: %v, %v", in, m, err)
		}
		if n, err := netaddr.ParseMAC(m.Format("")); err != nil || n != m {
			t.Errorf("%s: %v, %v", in, n, err)
		}
		if n, err := netaddr.ParseMAC(m.Format(".")); err != nil || n != m {
			t.Errorf("%s: %v, %v", in, n, err)
		}
	}
	for _, in := range []string{
		"", " ", "00", "00:00:5e:00:53", "00:00:5e:00:53:01:02", "00:00:5e:00:53:0g", "0:0:5e:0:53:1", "00:00-5e:00:53:01",
		"00:00:5e:00:53:01 ", " 00005e005301", "00005e00530", "00005e0053010", "0000.5e00.53", "00:00:5e:00:53:", ":00:5e:00:53:01",
		strings.Repeat("00", 21), strings.Repeat("0", 1000), "00005e00530\n",
	} {
		if m, err := netaddr.ParseMAC(in); !errors.Is(err, netaddr.ErrMAC) || m.IsValid() {
			t.Errorf("%q: %v, %v", in, m, err)
		}
	}
}

func TestMACFormat(t *testing.T) {
	m, err := netaddr.MACFrom([]byte{0x02, 0xfc, 0, 0, 0xab, 1})
	if err != nil {
		t.Fatal(err)
	}
	for separator, want := range map[string]string{":": "02:fc:00:00:ab:01", "-": "02-fc-00-00-ab-01", ".": "02fc.0000.ab01", "": "02fc0000ab01"} {
		if got := m.Format(separator); got != want {
			t.Errorf("%q: %s", separator, got)
		}
	}
	var none netaddr.MAC
	if none.IsValid() || none.String() != "" || len(none.Bytes()) != 0 || none.IsLocal() || none.IsMulticast() {
		t.Errorf("the zero MAC is %q", none)
	}
	for in, want := range map[string][2]bool{
		"00:00:5e:00:53:01": {false, false}, "02:00:00:00:00:01": {true, false}, "01:00:5e:00:00:01": {false, true}, "ff:ff:ff:ff:ff:ff": {true, true},
	} {
		m, err := netaddr.ParseMAC(in)
		if err != nil || m.IsLocal() != want[0] || m.IsMulticast() != want[1] {
			t.Errorf("%s: %v, %v, %v", in, m.IsLocal(), m.IsMulticast(), err)
		}
	}
	b := m.Bytes()
	b[0] = 0xff
	if m.Bytes()[0] != 2 || m.HardwareAddr().String() != "02:fc:00:00:ab:01" {
		t.Error("Bytes is no copy")
	}
	for _, n := range []int{0, 1, 5, 7, 9, 19, 21, 300} {
		if _, err := netaddr.MACFrom(make([]byte, n)); !errors.Is(err, netaddr.ErrMAC) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	text, err := json.Marshal(map[netaddr.MAC]netaddr.MAC{m: none})
	if err != nil || string(text) != `{"02:fc:00:00:ab:01":""}` {
		t.Errorf("%s, %v", text, err)
	}
	var back map[netaddr.MAC]netaddr.MAC
	if err := json.Unmarshal(text, &back); err != nil || len(back) != 1 || back[m] != none {
		t.Errorf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`"nonsense"`), &m); !errors.Is(err, netaddr.ErrMAC) || m.String() != "02:fc:00:00:ab:01" {
		t.Errorf("%v, %v", m, err)
	}
}

// FuzzMAC reads any text; what package net reads is read alike.
func FuzzMAC(f *testing.F) {
	for _, s := range []string{"00:00:5e:00:53:01", "0000.5e00.5301", "00005e005301", "02-00-5e-10-00-00-00-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := netaddr.ParseMAC(s)
		if hw, bad := net.ParseMAC(s); bad == nil && (err != nil || m.String() != hw.String()) {
			t.Fatalf("%q: %v, %v; package net says %v", s, m, err, hw)
		}
		if err != nil {
			if m.IsValid() {
				t.Fatalf("%q: %v, %v", s, m, err)
			}
			return
		}
		for _, separator := range []string{":", "-", ".", ""} {
			if n, err := netaddr.ParseMAC(m.Format(separator)); err != nil || n != m {
				t.Fatalf("%q by %q: %v, %v", s, separator, n, err)
			}
		}
	})
}
