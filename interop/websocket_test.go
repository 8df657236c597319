//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

const wsPatience = 60 * time.Second

// wsSizes are those of the messages, text and binary.
const wsSizes = "[0, 1, 125, 126, 1000, 65535, 65536, 1048576, 16777216]"

// wsPage echoes messages of all sizes through the browser's own WebSocket, closes with 4000, and reports.
const wsPage = `<!doctype html><title>test</title><script>
const report = s => fetch('/result', {method: 'POST', body: s});
const ws = new WebSocket(location.href.replace(/^http/, 'ws') + 'echo', ['other', 'test']);
ws.binaryType = 'arraybuffer';
const sizes = ` + wsSizes + `;
let n = 0, sent;
const same = (a, b) => typeof a === 'string' ? a === b : a.byteLength === b.byteLength && new Uint8Array(a).every((v, i) => v === new Uint8Array(b)[i]);
const next = () => {
  if (n === 2 * sizes.length) { ws.close(4000, 'enough'); return; }
  const size = sizes[n >> 1];
  sent = n++ % 2 ? new Uint8Array(size).map((_, i) => i * 7).buffer : 'caland\u00e9 '.repeat(size / 8 + 1).slice(0, size);
  ws.send(sent);
};
ws.onopen = next;
ws.onmessage = e => same(sent, e.data) ? next() : report('message ' + n + ' came back changed');
ws.onclose = e => report(n === 2 * sizes.length && e.wasClean && e.code === 4000 && ws.protocol === 'test' ? 'good ' + ws.extensions : 'closed ' + e.code + ' ' + e.reason + ' at ' + n);
</script>`

type wsEcho struct{}

func (wsEcho) OnOpen(*websocket.Conn)                                     {}
func (wsEcho) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) { c.Send(op, p) }
func (wsEcho) OnClose(*websocket.Conn, error)                             {}

// wsServer serves the page, the echo, and the page's report, in this process.
func wsServer(t *testing.T, secure, deflate bool) (addr string, cert ctls.Certificate, results <-chan string) {
	t.Helper()
	r := reactor.New(reactor.Config{MaxUnsent: 64 << 20})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wsPatience)
		defer cancel()
		r.Shutdown(ctx)
	})
	srv := &websocket.Server{Config: wsConfig(deflate), Protocols: []string{"test"}}
	reports := make(chan string, 1)
	var p reactor.Protocol = &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		switch string(x.Path()) {
		case "/echo":
			srv.Upgrade(x, wsEcho{})
		case "/result":
			x.ReadBody(1000, func(x *http1.Exchange, body []byte) {
				reports <- string(body)
				x.Respond(204, "", nil)
			})
		default:
			x.Respond(200, "text/html", []byte(wsPage))
		}
	})}
	if secure {
		var err error
		if cert, err = tls.SelfSigned("127.0.0.1"); err != nil {
			t.Fatal(err)
		}
		p = &tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{cert}}, Next: p}
	}
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := r.Listen(ln, p)
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), cert, reports
}

func wsConfig(deflate bool) websocket.Config {
	c := websocket.Config{Limits: wire.Limits{MaxMessage: 64 << 20}}
	if deflate {
		c.Deflate = &websocket.Deflate{}
	}
	return c
}

// wsVariants are the ways to connect.
func wsVariants(t *testing.T, f func(t *testing.T, secure, deflate bool)) {
	for _, secure := range []bool{false, true} {
		for _, deflate := range []bool{false, true} {
			t.Run(fmt.Sprintf("tls %v deflate %v", secure, deflate), func(t *testing.T) { f(t, secure, deflate) })
		}
	}
}

// TestWebSocketChromium has the browser's own WebSocket echo text and binary to 16 MiB.
func TestWebSocketChromium(t *testing.T) {
	need(t, "chromium")
	wsVariants(t, func(t *testing.T, secure, deflate bool) {
		addr, _, results := wsServer(t, secure, deflate)
		url := "http://" + addr + "/"
		if secure {
			url = "https://" + addr + "/"
		}
		cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
			"--disable-component-update", "--no-first-run", "--ignore-certificate-errors", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), url)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			cmd.Process.Signal(os.Interrupt)
			cmd.Wait()
		}()
		want := "good "
		if deflate {
			want += "permessage-deflate"
		}
		select {
		case got := <-results:
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		case <-time.After(wsPatience):
			t.Error("no report")
		}
	})
}

// wsNode is the npm package's client, or its server, told by the arguments.
const wsNode = `
const {WebSocket, WebSocketServer} = require('ws');
const [role, url, deflate, ca] = process.argv.slice(2);
const fs = require('fs'), https = require('https'), http = require('http');
const options = {perMessageDeflate: deflate === 'true', maxPayload: 64 << 20};
if (role === 'server') {
  const key = ca && {cert: fs.readFileSync(ca), key: fs.readFileSync(ca)};
  const server = ca ? https.createServer(key) : http.createServer();
  new WebSocketServer({...options, server}).on('connection', ws => {
    ws.on('error', e => console.log('error', e.message));
    ws.on('message', (data, binary) => ws.send(data, {binary}));
    ws.on('close', (code, reason) => console.log('closed', code, reason.toString()));
  });
  server.listen(0, '127.0.0.1', () => console.log('ready', server.address().port));
} else {
  const ws = new WebSocket(url, ['test'], {...options, ca: ca && fs.readFileSync(ca)});
  const sizes = ` + wsSizes + `;
  let n = 0, sent;
  const next = () => {
    if (n === 2 * sizes.length) { ws.close(4000, 'enough'); return; }
    sent = Buffer.alloc(sizes[n >> 1], 'calandria ');
    ws.send(sent, {binary: n++ % 2 === 1});
  };
  ws.on('open', next);
  ws.on('message', (data, binary) => {
    if (binary !== (n % 2 === 0) || !data.equals(sent)) { console.log('message', n, 'came back changed'); process.exit(1); }
    next();
  });
  ws.on('error', e => { console.log('error', e.message); process.exit(1); });
  ws.on('close', code => { console.log('done', code, n, ws.extensions); });
}
`

// wsNodeDir is a folder with the npm package and the script.
func wsNodeDir(t *testing.T) string {
	t.Helper()
	need(t, "node")
	need(t, "npm")
	dir := t.TempDir()
	cmd := exec.Command("npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "ws@8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm: %v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "peer.js"), []byte(wsNode), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wsPEM writes a certificate and its key to one file.
func wsPEM(t *testing.T, cert ctls.Certificate) string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
	path := filepath.Join(t.TempDir(), "pair.pem")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWebSocketNode talks to the npm package ws, as a server and as a client.
func TestWebSocketNode(t *testing.T) {
	dir := wsNodeDir(t)
	t.Run("its client", func(t *testing.T) {
		wsVariants(t, func(t *testing.T, secure, deflate bool) {
			addr, cert, _ := wsServer(t, secure, deflate)
			args := []string{filepath.Join(dir, "peer.js"), "client", "ws://" + addr + "/echo", fmt.Sprint(deflate)}
			if secure {
				args[2] = "wss://" + addr + "/echo"
				args = append(args, wsPEM(t, cert))
			}
			want := "done 4000 18"
			if deflate {
				want += " permessage-deflate"
			}
			if got := strings.TrimSpace(mustRun(t, nil, "node", args...).stdout); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	})
	t.Run("its server", func(t *testing.T) {
		wsVariants(t, func(t *testing.T, secure, deflate bool) { wsAgainstNode(t, dir, secure, deflate) })
	})
}

// wsAgainstNode has our client talk to the npm package's server.
func wsAgainstNode(t *testing.T, dir string, secure, deflate bool) {
	args := []string{filepath.Join(dir, "peer.js"), "server", "", fmt.Sprint(deflate)}
	o := &websocket.DialOptions{Config: wsConfig(deflate), Reactor: reactor.New(reactor.Config{MaxUnsent: 64 << 20})}
	scheme := "ws://127.0.0.1:"
	if secure {
		cert, err := tls.SelfSigned("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, wsPEM(t, cert))
		leaf, _ := x509.ParseCertificate(cert.Certificate[0])
		o.TLS = &ctls.Config{RootCAs: x509.NewCertPool()}
		o.TLS.RootCAs.AddCert(leaf)
		scheme = "wss://127.0.0.1:"
	}
	cmd := exec.Command("node", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	var port string
	if !lines.Scan() {
		t.Fatal("no server")
	}
	fmt.Sscanf(lines.Text(), "ready %s", &port)
	ctx, cancel := context.WithTimeout(context.Background(), wsPatience)
	defer cancel()
	defer o.Reactor.Shutdown(ctx)
	c, err := websocket.Dial(ctx, scheme+port+"/", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Compression(); ok != deflate {
		t.Errorf("compression: %v", ok)
	}
	for i, n := range []int{0, 1, 125, 126, 65536, 1 << 20, 16 << 20} {
		op, want := websocket.Text, bytes.Repeat([]byte("calandria "), n/10+1)[:n]
		if i%2 == 1 {
			op = websocket.Binary
		}
		if err := c.Send(op, want); err != nil {
			t.Fatal(err)
		}
		gotOp, got, err := c.Read(ctx)
		if err != nil || gotOp != op || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %v, %d bytes, %v", n, gotOp, len(got), err)
		}
	}
	c.Close(4001, "enough")
	<-c.Done()
	if c.Err() != nil {
		t.Error(c.Err())
	}
	if lines.Scan(); lines.Text() != "closed 4001 enough" {
		t.Errorf("the server says %q", lines.Text())
	}
}
