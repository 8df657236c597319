package peers

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

var throughput = flag.Int("throughput", 0, "`MiB` of media to send through each way, five times: measures, and fails for nothing")

const (
	roleEnv = "CALANDRIA_PEERS_ROLE"
	packet  = 1400
	options = "OPTIONS rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	okay    = "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
)

// TestThroughput compares what stands between a camera and a viewer: MB/s, and CPU seconds per GB of the process in between, from its
// threads' own clocks. The camera sends frames of 1,400 bytes as fast as they are taken, in writes of 64 KiB; gortsplib's server, which has
// nothing in between, is read as fast as it can send without dropping.
func TestThroughput(t *testing.T) {
	if *throughput == 0 {
		t.Skip("measures for a while: go test -run Throughput -throughput 1024 -v")
	}
	need(t, "socat")
	need(t, "haproxy")
	cam, _ := role(t, "firehose")
	dir := t.TempDir()
	bin := filepath.Join(dir, "rtspgate")
	build := exec.Command("go", "build", "-o", bin, "./cmd/rtspgate")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ours := freePort(t)
	gate := start(t, bin, "-listen", ours, "-backend", cam, "-pause-camera")
	splice := freePort(t)
	conf := filepath.Join(dir, "haproxy.cfg")
	text := "global\n nbthread 1\n maxconn 100\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\nfrontend f\n bind " + splice +
		"\n default_backend b\nbackend b\n server s " + cam + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	hap := start(t, "haproxy", "-db", "-f", conf)
	lib, libPID := role(t, "gortsplib")

	ways := []struct {
		name string
		open func() (io.Reader, func(), int)
	}{
		{"camera directly", func() (io.Reader, func(), int) { c := dialUntil(t, cam); return plain(t, c), func() { c.Close() }, 0 }},
		{"rtspgate", func() (io.Reader, func(), int) { r, done := tunnel(t, ours); return r, done, gate.Process.Pid }},
		{"haproxy, mode tcp", func() (io.Reader, func(), int) {
			c := dialUntil(t, splice)
			return plain(t, c), func() { c.Close() }, hap.Process.Pid
		}},
		{"socat", func() (io.Reader, func(), int) {
			addr := freePort(t)
			p := start(t, "socat", "-b", "65536", "TCP-LISTEN:"+addr[strings.LastIndexByte(addr, ':')+1:]+",bind=127.0.0.1,reuseaddr", "TCP:"+cam)
			c := dialUntil(t, addr)
			return plain(t, c), func() { c.Close() }, p.Process.Pid
		}},
		{"gortsplib's server", func() (io.Reader, func(), int) { r, done := rtspStream(t, lib); return r, done, libPID }},
	}
	total := int64(*throughput) << 20
	rates, costs := make([][]float64, len(ways)), make([][]float64, len(ways))
	for range 5 {
		for i, w := range ways {
			r, done, pid := w.open()
			before, from := cpu(t, pid), time.Now()
			if n, err := io.CopyN(io.Discard, r, total); err != nil {
				t.Fatalf("%s: after %d bytes: %v", w.name, n, err)
			}
			d := time.Since(from)
			costs[i] = append(costs[i], (cpu(t, pid)-before).Seconds()/(float64(total)/1e9))
			rates[i] = append(rates[i], float64(total)/1e6/d.Seconds())
			done()
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	t.Logf("medians of 5, %d MiB each, load of the machine %s", *throughput, bytes.TrimSpace(load))
	for i, w := range ways {
		slices.Sort(rates[i])
		slices.Sort(costs[i])
		t.Logf("%-20s %6.0f MB/s %6.2f CPU s/GB", w.name, rates[i][2], costs[i][2])
	}
}

// start starts a program that ends with the test.
func start(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// role starts this test binary in a role, and gives the address that it prints.
func role(t *testing.T, name string) (addr string, pid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// dialUntil dials a program that is being started.
func dialUntil(t *testing.T, addr string) net.Conn {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// plain asks the camera, and gives the media behind its answer.
func plain(t *testing.T, c net.Conn) io.Reader {
	t.Helper()
	io.WriteString(c, options)
	b := make([]byte, len(okay))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != okay {
		t.Fatalf("%q, %v", b, err)
	}
	return c
}

func tunnel(t *testing.T, addr string) (io.Reader, func()) {
	t.Helper()
	get := dialUntil(t, addr)
	cookie := strconv.FormatInt(time.Now().UnixNano(), 36)
	io.WriteString(get, "GET / HTTP/1.0\r\nx-sessioncookie: "+cookie+"\r\n\r\n")
	r := bufio.NewReaderSize(get, 16)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	post := dialUntil(t, addr)
	io.WriteString(post, "POST / HTTP/1.0\r\nx-sessioncookie: "+cookie+"\r\nContent-Length: 32767\r\n\r\n"+base64.StdEncoding.EncodeToString([]byte(options)))
	b := make([]byte, len(okay))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != okay {
		t.Fatalf("%q, %v", b, err)
	}
	return io.MultiReader(io.LimitReader(r, int64(r.Buffered())), get), func() { get.Close(); post.Close() }
}

// rtspStream reads a stream of gortsplib's server, as the bytes of its packets.
func rtspStream(t *testing.T, addr string) (io.Reader, func()) {
	t.Helper()
	u, _ := base.ParseURL("rtsp://" + addr + "/x")
	c := dialUntil(t, addr)
	r := bufio.NewReaderSize(c, 64<<10)
	session := ""
	ask := func(method, url, fields string) {
		fmt.Fprintf(c, "%s %s RTSP/1.0\r\nCSeq: 1\r\n%s%s\r\n", method, url, session, fields)
		var res base.Response
		if err := res.Unmarshal(r); err != nil || res.StatusCode != 200 {
			t.Fatalf("%s: %v, %v", method, res.StatusCode, err)
		}
		if s := res.Header["Session"]; len(s) > 0 {
			id, _, _ := strings.Cut(s[0], ";")
			session = "Session: " + id + "\r\n"
		}
	}
	ask("DESCRIBE", u.String(), "Accept: application/sdp\r\n")
	ask("SETUP", u.String()+"/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
	ask("PLAY", u.String(), "")
	return r, func() { c.Close() }
}

// cpu is the time that a process's threads have been on a processor.
func cpu(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	if pid == 0 {
		return 0
	}
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(b), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

// firehoseRole is a camera that sends as fast as it is read.
func firehoseRole() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(ln.Addr())
	one := append([]byte{'$', 0, byte((packet - 4) >> 8), byte((packet - 4) & 0xff)}, bytes.Repeat([]byte("m"), packet-4)...)
	media := bytes.Repeat(one, 46)
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			if _, err := c.Read(make([]byte, 4096)); err != nil {
				return
			}
			io.WriteString(c, okay)
			for {
				if _, err := c.Write(media); err != nil {
					return
				}
			}
		}()
	}
}

// gortsplibRole is gortsplib's server with a stream of packets of 1,400 bytes, 256 every two milliseconds: what its queue holds.
func gortsplibRole() {
	c := &camera{}
	c.server = &gortsplib.Server{Handler: c, RTSPAddress: "127.0.0.1:0", WriteQueueSize: 8192}
	if err := c.server.Start(); err != nil {
		os.Exit(1)
	}
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.H264{PayloadTyp: 96, PacketizationMode: 1}}}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := c.stream.Initialize(); err != nil {
		os.Exit(1)
	}
	fmt.Println(c.server.NetListener().Addr())
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1}, Payload: bytes.Repeat([]byte("m"), packet-16)}
	for range time.Tick(2 * time.Millisecond) {
		for range 256 {
			p.SequenceNumber++
			c.stream.WritePacketRTP(media, p)
		}
	}
}
