//go:build interop

package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/internal/browser"
)

// until waits for what a page will show.
func until(t *testing.T, p *browser.Tab, what, expression, want string) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		got := p.Eval(expression)
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: %s is %q; want %q\n%.3000s", what, expression, got, want, p.Eval("document.body.outerHTML"))
		}
	}
}

const (
	state  = `document.getElementById("status-text").textContent`
	people = `Array.from(document.querySelectorAll("#names li"), (e) => e.children[1].textContent).join("|")`
	log    = `Array.from(document.querySelectorAll(".msg"), (e) => e.dataset.from + ": " + e.querySelector(".bubble").textContent + (e.classList.contains("waiting") ? " (waiting)" : "")).join("|")`
)

// enter joins by the form.
func enter(t *testing.T, p *browser.Tab, name string) {
	t.Helper()
	until(t, p, name, `document.readyState`, "complete")
	p.Eval(`document.getElementById("name").value = "", document.getElementById("name").focus()`)
	p.Type(name)
	p.Press()
	until(t, p, name, state, "connected")
}

// say types a text, and Enter.
func say(p *browser.Tab, text string) {
	p.Eval(`document.getElementById("text").focus()`)
	p.Type(text)
	p.Press()
}

// TestChromium has two tabs and a client of ours in one room: messages, presence, a restart of the server with messages that were
// written meanwhile, and no history lost. With SCREENSHOTS set to a directory it leaves pictures there.
func TestChromium(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	b := browser.Start(t)
	ann, bob := b.Open("http://"+s.addr+"/"), b.Open("http://"+s.addr+"/#lobby")
	pictures := os.Getenv("SCREENSHOTS")
	shoot := func(p *browser.Tab, name string, width, height int, scheme string) {
		p.Size(width, height, scheme)
		<-time.After(300 * time.Millisecond)
		if pictures != "" {
			if err := os.WriteFile(filepath.Join(pictures, name+".png"), p.Picture(), 0o644); err != nil {
				t.Error(err)
			}
		}
		if wide, _ := strconv.Atoi(p.Eval("document.documentElement.scrollWidth")); wide > width {
			t.Errorf("%s: at a width of %d px the page is %d px wide", name, width, wide)
		}
	}
	until(t, ann, "ann", `document.readyState`, "complete")
	shoot(ann, "enter-light", 1100, 760, "light")
	shoot(ann, "enter-phone-dark", 390, 800, "dark")
	ann.Size(1100, 760, "light")
	enter(t, ann, "Ann")
	enter(t, bob, "Bob")
	cli, _ := s.join("lobby", "Carl", nil)
	for _, p := range []*browser.Tab{ann, bob} {
		until(t, p, "presence", people, "Ann|Bob|Carl")
	}

	say(ann, "Hello, all. <b>Is anybody here?</b>")
	until(t, bob, "ann's message", log, "Ann: Hello, all. <b>Is anybody here?</b>")
	say(bob, "Yes: see https://example.org/a?b=c, it is fine.")
	until(t, ann, "bob's message", log, "Ann: Hello, all. <b>Is anybody here?</b>|Bob: Yes: see https://example.org/a?b=c, it is fine.") // before carl's
	cli.say("c1", "From the terminal, in two\nlines")
	want := "Ann: Hello, all. <b>Is anybody here?</b>|Bob: Yes: see https://example.org/a?b=c, it is fine.|Carl: From the terminal, in two\nlines"
	for _, p := range []*browser.Tab{ann, bob} {
		until(t, p, "three messages", log, want)
	}
	if href := ann.Eval(`document.querySelector(".bubble a").href`); href != "https://example.org/a?b=c" {
		t.Errorf("link %q", href)
	}
	for !strings.Contains(cli.last("msg").M.Text, "terminal") {
	}
	say(bob, "A second one from me")
	say(bob, strings.Repeat("A long one, so that there is something to wrap. ", 8))
	until(t, ann, "five messages", `document.querySelectorAll(".msg").length`, "5")
	for name, scheme := range map[string]string{"chat-light": "light", "chat-dark": "dark"} {
		shoot(ann, name, 1100, 760, scheme)
	}
	shoot(ann, "chat-phone-light", 390, 800, "light")
	ann.Eval(`document.getElementById("people-toggle").click()`)
	shoot(ann, "people-phone-dark", 390, 800, "dark")
	ann.Eval(`document.getElementById("people-toggle").click()`)
	shoot(ann, "chat-narrow", 320, 600, "dark")

	// The server goes and comes back at the same address; Ann writes meanwhile.
	s.end()
	until(t, ann, "the end", `document.getElementById("status").dataset.state !== "live"`, "true")
	say(ann, "Written while the server was away")
	until(t, ann, "waiting", `document.querySelectorAll(".waiting").length`, "1")
	until(t, ann, "the banner", `document.getElementById("banner").hidden`, "false")
	shoot(ann, "away-phone-light", 390, 800, "light")
	shoot(ann, "away-light", 1100, 760, "light")
	again := startAt(t, dir, s.addr)
	for _, p := range []*browser.Tab{ann, bob} {
		until(t, p, "back again", state, "connected")
		until(t, p, "presence", people, "Ann|Bob")
		until(t, p, "all messages once", `document.querySelectorAll(".msg").length + " " + document.querySelectorAll(".waiting").length`, "6 0")
	}
	cli, hello := again.join("lobby", "Carl", nil)
	if got := texts(hello); !strings.HasPrefix(got, "Hello, all.") || !strings.HasSuffix(got, "Written while the server was away") {
		t.Errorf("history %q", got)
	}
	cli.say("c2", "I am back, too")
	until(t, bob, "a message after the restart", `document.querySelectorAll(".msg").length`, "7")
	bob.Eval("location.reload()")
	until(t, bob, "a reload", state, "connected")
	until(t, bob, "the history after a reload", `document.querySelectorAll(".msg").length`, "7")
}

// startAt starts a site at an address that another one had, as soon as the system gives it.
func startAt(t *testing.T, dir, addr string) *running {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		ln, err := net.Listen("tcp", addr)
		if err == nil {
			ln.Close()
			return start(t, dir, "-listen", addr)
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
