//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"bytes"
	"os"
	"os/exec"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/cloudwego/netpoll"
	"golang.org/x/sys/unix"
)

// pinned is the netpoll whose layout this package was written for. A new one is looked at field by field, then pinned here.
const pinned = "v0.7.2"

// TestNetpollLayout fails loudly when netpoll is not the one that netpoll_linux.go reaches into.
func TestNetpollLayout(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/cloudwego/netpoll" && m.Version != pinned && os.Getenv("NETPOLL_NEXT") == "" {
				t.Errorf("netpoll %s is built in, %s was examined", m.Version, pinned)
			}
		}
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	c, err := netpoll.NewFDConnection(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// connection.operator.poll
	op := reflect.TypeOf(c).Elem()
	f, ok := op.FieldByName("operator")
	if !ok || f.Type != reflect.TypeFor[*netpoll.FDOperator]() {
		t.Fatalf("connection.operator is gone, or a %v", f.Type)
	}
	f, ok = f.Type.Elem().FieldByName("poll")
	if !ok || f.Type != reflect.TypeFor[netpoll.Poll]() {
		t.Fatalf("FDOperator.poll is gone, or a %v", f.Type)
	}
	for name, typ := range map[string]reflect.Type{
		"FD":      reflect.TypeFor[int](),
		"OnRead":  reflect.TypeFor[func(netpoll.Poll) error](),
		"OnWrite": reflect.TypeFor[func(netpoll.Poll) error](),
		"OnHup":   reflect.TypeFor[func(netpoll.Poll) error](),
	} {
		if f, ok := reflect.TypeFor[netpoll.FDOperator]().FieldByName(name); !ok || f.Type != typ {
			t.Errorf("FDOperator.%s is gone, or a %v", name, f.Type)
		}
	}
	// The Poll interface.
	want := map[string]string{
		"Alloc": "func() *netpoll.FDOperator", "Close": "func() error", "Free": "func(*netpoll.FDOperator)",
		"Control": "func(*netpoll.FDOperator, netpoll.PollEvent) error", "Trigger": "func() error", "Wait": "func() error",
	}
	typ := reflect.TypeFor[netpoll.Poll]()
	for m := range typ.Methods() {
		if want[m.Name] != m.Type.String() {
			t.Errorf("Poll.%s is %v", m.Name, m.Type)
		}
		delete(want, m.Name)
	}
	for name := range want {
		t.Errorf("Poll.%s is gone", name)
	}
	// The poller's own fields.
	p, err := pollOf(c)
	if err != nil {
		t.Fatal(err)
	}
	pt := reflect.TypeOf(p).Elem()
	if f, ok := pt.FieldByName("Handler"); !ok || !strings.HasPrefix(f.Type.String(), "func([]netpoll.") ||
		!strings.HasSuffix(f.Type.String(), ") bool") {
		t.Errorf("Handler is gone, or a %v", f.Type)
	}
	if f, ok := pt.FieldByName("Reset"); !ok || f.Type.String() != "func(int, int)" {
		t.Errorf("Reset is gone, or a %v", f.Type)
	}
	if f, ok := pt.FieldByName("fd"); !ok || f.Type.Kind() != reflect.Int {
		t.Errorf("fd is gone, or a %v", f.Type)
	}
	// An element of the event array is the kernel's.
	h, _ := pt.FieldByName("Handler")
	if got, want := h.Type.In(0).Elem().Size(), reflect.TypeFor[unix.EpollEvent]().Size(); got != want {
		t.Errorf("an event has %d bytes, the kernel's %d", got, want)
	}
}

// TestUnknownLayout: what is not netpoll's is refused, not read.
func TestUnknownLayout(t *testing.T) {
	if _, err := pollOf(nil); err == nil {
		t.Error("pollOf(nil)")
	}
	if err := wrapPoll(strange{}, nil, nil, nil); err == nil {
		t.Error("wrapPoll of a stranger")
	}
}

type strange struct{ netpoll.Poll }

// TestArrayDoesNotGrow: the event array stays as it is, whatever bursts there were. The reactor's test of the same name
// makes the burst; this looks at the field.
func TestArrayDoesNotGrow(t *testing.T) {
	loops, err := NetpollEngine{}.Loops(1)
	if err != nil {
		t.Fatal(err)
	}
	l := loops[0].(*netpollLoop)
	owner := newCountingOwner()
	l.Start(owner)
	const n = 1000
	efds := make([]int, n)
	done := make(chan struct{}, n)
	owner.run(l, func() {
		for i := range efds {
			fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
			if err != nil {
				t.Error(err)
				return
			}
			efds[i] = fd
			op := l.poll.Alloc()
			op.FD = fd
			op.OnHup = func(netpoll.Poll) error { return nil }
			op.OnRead = func(netpoll.Poll) error {
				var b [8]byte
				unix.Read(fd, b[:])
				done <- struct{}{}
				return nil
			}
			if err := l.poll.Control(op, netpoll.PollReadable); err != nil {
				t.Error(err)
			}
		}
	})
	for range 5 {
		owner.run(l, func() {
			for _, fd := range efds {
				unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
			}
		})
		for range n {
			await(t, "event", done)
		}
	}
	size := make(chan int64, 1)
	owner.run(l, func() { size <- reflect.ValueOf(l.poll).Elem().FieldByName("size").Int() })
	if got := await(t, "size", size); got != 128 {
		t.Errorf("the event array has %d slots", got)
	}
	owner.run(l, func() {
		for _, fd := range efds {
			unix.Close(fd)
		}
	})
}

// TestLogIsRouted: netpoll's own lines go where SetLog says, the last call wins, and nil drops them.
func TestLogIsRouted(t *testing.T) {
	var first, second bytes.Buffer
	SetLog(&first)
	SetLog(&second)
	netpollWriter{}.Write([]byte("a line\n"))
	SetLog(nil)
	netpollWriter{}.Write([]byte("another\n"))
	if first.Len() != 0 || second.String() != "a line\n" {
		t.Errorf("%q, %q", first.String(), second.String())
	}
	out, err := child("log")
	if err != nil || !strings.Contains(out, "routed: ") || !strings.Contains(out, "NETPOLL: poller detach operator failed") {
		t.Errorf("%v %s", err, out)
	}
}

func child(name string) (string, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

func init() {
	children["log"] = func() {
		var buf bytes.Buffer
		SetLog(&buf)
		// netpoll complains of a detach that fails.
		p, err := pickPoll()
		if err != nil {
			panic(err)
		}
		op := p.Alloc()
		fds, _ := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		op.FD = fds[0]
		hup := make(chan struct{})
		op.OnRead = func(netpoll.Poll) error { // takes the descriptor away behind netpoll's back
			p.Control(op, netpoll.PollDetach)
			return nil
		}
		op.OnHup = func(netpoll.Poll) error { close(hup); return nil }
		unix.Write(fds[1], []byte("x"))
		unix.Close(fds[1])
		if err := p.Control(op, netpoll.PollReadable); err != nil {
			panic(err)
		}
		<-hup
		os.Stdout.WriteString("routed: " + buf.String())
	}
}
