//go:build interop

package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Browser is a running Chromium, for one goroutine.
type Browser struct {
	t   testing.TB
	out *os.File
	in  *bufio.Reader
	id  int
}

// Tab is a page of it.
type Tab struct {
	b       *Browser
	session string
}

// Start runs Chromium until the end of the test, which is skipped if it is not installed, and fails for that where CI is set.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	theirIn, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "chromium") // it may still write there when it is killed: t.TempDir would fail the test for that
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+dir, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &Browser{t: t, out: out, in: bufio.NewReaderSize(in, 1<<20)}
	in.SetReadDeadline(time.Now().Add(4 * time.Minute))
	t.Cleanup(func() {
		out.Close()
		cmd.Process.Kill()
		cmd.Wait()
		in.Close()
		os.RemoveAll(dir)
	})
	return b
}

// Open opens a page in a tab of its own.
func (b *Browser) Open(url string) *Tab {
	b.t.Helper()
	var target struct{ TargetID string }
	b.call("", "Target.createTarget", map[string]any{"url": url}, &target)
	var session struct{ SessionID string }
	b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	return &Tab{b, session.SessionID}
}

// call asks and waits for the answer; events are passed over.
func (b *Browser) call(session, method string, params map[string]any, result any) {
	b.t.Helper()
	b.id++
	m := map[string]any{"id": b.id, "method": method, "params": params}
	if session != "" {
		m["sessionId"] = session
	}
	raw, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.out.Write(append(raw, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		raw, err := b.in.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := json.Unmarshal(raw[:len(raw)-1], &answer); err != nil {
			b.t.Fatal(err)
		}
		if answer.ID != b.id {
			continue
		}
		if answer.Error != nil {
			b.t.Fatalf("%s: %s", method, answer.Error)
		}
		if result != nil {
			if err := json.Unmarshal(answer.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// Call is a method of the DevTools protocol, for the tab. A nil result is not looked at.
func (p *Tab) Call(method string, params map[string]any, result any) {
	p.b.t.Helper()
	p.b.call(p.session, method, params, result)
}

// Eval gives the value of an expression as text.
func (p *Tab) Eval(expression string) string {
	p.b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails any
	}
	p.Call("Runtime.evaluate", map[string]any{"expression": "String(" + expression + ")"}, &r)
	if r.ExceptionDetails != nil {
		p.b.t.Fatalf("%s: %v", expression, r.ExceptionDetails)
	}
	s, _ := r.Result.Value.(string)
	return s
}

// Type gives text to what has the focus, as a keyboard does.
func (p *Tab) Type(text string) {
	p.b.t.Helper()
	p.Call("Input.insertText", map[string]any{"text": text}, nil)
}

// Press presses Enter.
func (p *Tab) Press() {
	p.b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		p.Call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}, nil)
	}
}

// Size sets the size of the page, and its colours: "light" or "dark".
func (p *Tab) Size(width, height int, scheme string) {
	p.b.t.Helper()
	p.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	p.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
}

// Picture is a PNG of all of the page.
func (p *Tab) Picture() []byte {
	p.b.t.Helper()
	var r struct{ Data string }
	p.Call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &r)
	png, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		p.b.t.Fatal(err)
	}
	return png
}
