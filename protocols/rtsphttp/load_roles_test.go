package rtsphttp

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// The camera and the viewers of a load are processes of their own: this test binary, run with a role.
const roleEnv = "CALANDRIA_RTSP_ROLE"

const (
	loadPacket = 1400   // bytes of one write: a frame, with its 4 bytes of head
	loadRate   = 40_000 // bytes a second and session
)

// cameraRole serves until its input ends. Each connection gets an answer to its first request, and then media at loadRate: frames with a
// number each.
func cameraRole() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(ln.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b := make([]byte, 4096)
			if _, err := c.Read(b); err != nil {
				return
			}
			go io.Copy(io.Discard, c)
			if _, err := io.WriteString(c, okText); err != nil {
				return
			}
			p := []byte(frame(0, strings.Repeat("m", loadPacket-4)))
			tick := time.NewTicker(time.Second * loadPacket / loadRate)
			defer tick.Stop()
			for n := uint64(0); ; n++ {
				<-tick.C
				binary.BigEndian.PutUint64(p[4:], n)
				if _, err := c.Write(p); err != nil {
					return
				}
			}
		}()
	}
}

// loadPlan is what the viewers' process is to do.
type loadPlan struct {
	Gate     string
	Sessions int
	Stalled  int // of them: they stop reading
	For      time.Duration
}

// loadResult is what it saw, without those that stalled.
type loadResult struct {
	Least, Frames int           // of one session; in all
	Lost          int           // sessions that missed a frame, or got something else
	Failed        int           // that did not come about, or ended
	Gap50, Gap999 time.Duration // between two packets of a session
	Dropped       int           // of the stalled ones
	Err           string
}

// viewersRole opens the tunnels, says so, watches them for as long as the plan says, and writes what it saw.
func viewersRole() {
	var p loadPlan
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	res := loadResult{Least: 1 << 30}
	var gaps []time.Duration
	ready := make(chan struct{})
	var opened sync.WaitGroup
	slots := make(chan struct{}, 64) // tunnels that are being opened at a time
	for i := range p.Sessions {
		wg.Add(1)
		opened.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			v, err := openViewer(p.Gate, fmt.Sprintf("%d-%d-%d", os.Getpid(), time.Now().UnixNano(), i), i < p.Stalled)
			<-slots
			opened.Done()
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				res.Failed++
				res.Err = err.Error()
				return
			}
			defer v.get.Close()
			defer v.post.Close()
			<-ready
			io.WriteString(v.post, enc(optionsText))
			if i < p.Stalled {
				dropped := v.stall(p.For)
				mu.Lock()
				defer mu.Unlock()
				res.Dropped += dropped
				return
			}
			frames, lost, own, err := v.watch(p.For)
			mu.Lock()
			defer mu.Unlock()
			res.Frames += frames
			res.Least = min(res.Least, frames)
			gaps = append(gaps, own...)
			if lost {
				res.Lost++
			}
			if err != nil {
				res.Failed++
				res.Err = err.Error()
			}
		}()
	}
	opened.Wait()
	fmt.Println("open")
	var start string
	if err := in.Decode(&start); err != nil {
		os.Exit(1)
	}
	close(ready)
	wg.Wait()
	slices.Sort(gaps)
	if len(gaps) > 0 {
		res.Gap50, res.Gap999 = gaps[len(gaps)/2], gaps[len(gaps)*999/1000]
	}
	json.NewEncoder(os.Stdout).Encode(res)
	var end string
	in.Decode(&end) // the gateway is looked at while the tunnels are gone
}

type loadViewer struct {
	get, post net.Conn
	r         *bufio.Reader
}

func openViewer(addr, cookie string, stalls bool) (*loadViewer, error) {
	get, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if stalls {
		get.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	v := &loadViewer{get: get, r: bufio.NewReaderSize(get, 2048)}
	get.SetDeadline(time.Now().Add(2 * patience))
	io.WriteString(get, getHead("/", cookie))
	for {
		line, err := v.r.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("GET: %w", err)
		}
		if strings.HasPrefix(line, "HTTP/") && !strings.Contains(line, " 200 ") {
			return nil, fmt.Errorf("GET: %s", line)
		}
		if line == "\r\n" {
			break
		}
	}
	if v.post, err = net.Dial("tcp", addr); err != nil {
		return nil, err
	}
	_, err = io.WriteString(v.post, postHead("/", cookie))
	return v, err
}

// watch reads for a while: each frame has to be the next one.
func (v *loadViewer) watch(d time.Duration) (frames int, lost bool, gaps []time.Duration, err error) {
	b := make([]byte, loadPacket)
	v.get.SetDeadline(time.Now().Add(d + 2*patience))
	if _, err := io.ReadFull(v.r, b[:len(okText)]); err != nil || string(b[:len(okText)]) != okText {
		return 0, true, nil, err
	}
	end := time.Now().Add(d)
	var last time.Time
	for n := uint64(0); time.Now().Before(end); n++ {
		if _, err := io.ReadFull(v.r, b); err != nil {
			return frames, true, gaps, err
		}
		if b[0] != '$' || binary.BigEndian.Uint64(b[4:]) != n {
			return frames, true, gaps, nil
		}
		now := time.Now()
		if n > uint64(loadRate/loadPacket) { // in the first second all begin at once
			gaps = append(gaps, now.Sub(last))
		}
		last = now
		frames++
	}
	return frames, false, gaps, nil
}

// stall reads nothing for a while, and then tells whether the gateway has ended the tunnel.
func (v *loadViewer) stall(d time.Duration) (dropped int) {
	v.post.SetReadDeadline(time.Now().Add(d + patience))
	if _, err := v.post.Read(make([]byte, 1)); err != nil {
		if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
			return 1
		}
	}
	return 0
}
