package rtsphttp

import (
	"strings"
	"testing"
	"testing/synctest"
)

// FuzzHeads sends anything in place of a GET, and of a POST, at a tunnel that goes on: it must neither get its bytes into that tunnel's
// camera nor end it.
func FuzzHeads(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		if strings.Contains(string(in), "victim") {
			return // who knows the cookie and comes from the same address is the viewer
		}
		synctest.Test(t, func(t *testing.T) {
			g, gate, cam := inMemory(t, Config{})
			get, err := gate.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer get.Close()
			play(t, get, [][]byte{[]byte(getHead("/", "victim"))})
			c, err := cam.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			post, err := gate.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer post.Close()
			play(t, post, [][]byte{[]byte(postHead("/", "victim"))})
			drain(get)

			x, err := gate.Dial()
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			if len(in) > 0 {
				at = int(cut) % len(in)
			}
			for _, p := range [][]byte{in[:at], in[at:]} {
				x.Write(p) // it may be closed by then
				synctest.Wait()
			}
			drain(x)
			x.Close()
			synctest.Wait()
			if got := drain(c); got != "" {
				t.Fatalf("the camera got %q", got)
			}
			play(t, post, [][]byte{[]byte(enc(optionsText))})
			if got := drain(c); got != optionsText {
				t.Fatalf("the camera got %q", got)
			}
			c.Write([]byte(okText))
			synctest.Wait()
			if got := drain(get); got != okText {
				t.Fatalf("the viewer got %q", got)
			}
			if st := g.Stats(); st.Open < 1 {
				t.Fatalf("%+v", st)
			}
			for cam.Waiting() > 0 { // of a GET that was good
				if c, err := cam.Accept(); err == nil {
					c.Close()
				}
			}
		})
	})
}
