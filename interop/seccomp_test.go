//go:build interop && linux && amd64

package interop

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestSeccomp serves under a filter that kills the process at any system call that docs/containers.md does not list.
func TestSeccomp(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for _, name := range documentedCalls(t) {
		n, ok := callNumbers[name]
		if !ok {
			t.Fatalf("docs/containers.md lists %s, whose number this test does not know", name)
		}
		allowed = append(allowed, strconv.Itoa(n))
	}
	for _, handler := range []string{"native", "std"} {
		t.Run(handler, func(t *testing.T) {
			s := start(t, handler, self, launchRole, strings.Join(allowed, ","))
			for _, network := range networks {
				for _, h := range halfClosedRequests() {
					if err := s.halfClose(t.Context(), network, h); err != nil {
						t.Errorf("%s: %v", network, err)
					}
				}
				c := s.client(t, network)
				if _, b, err := do(c, "POST", s.url("/echo"), strings.NewReader(strings.Repeat("x", 4*mib))); err != nil || len(b) != 4*mib {
					t.Errorf("%s: echo: %d bytes, %v", network, len(b), err)
				}
			}
		})
	}
}

// TestSeccompFilterWorks: without write the program cannot even say that it listens.
func TestSeccompFilterWorks(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for _, name := range documentedCalls(t) {
		if name != "write" {
			allowed = append(allowed, strconv.Itoa(callNumbers[name]))
		}
	}
	if r := run(t, nil, self, launchRole, strings.Join(allowed, ","), httpd, "-listen", "127.0.0.1:0"); r.err == nil || !strings.Contains(r.err.Error(), "bad system call") {
		t.Errorf("without write: %v; want the process killed", r.err)
	}
}

// documentedCalls reads the block "text seccomp" of docs/containers.md.
func documentedCalls(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("../docs/containers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "```text seccomp\n")
	block, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("docs/containers.md has no block of system calls")
	}
	return strings.Fields(block)
}

// init makes this binary a launcher when it is started as one: it installs the filter and becomes the program.
func init() {
	if len(os.Args) < 4 || os.Args[1] != launchRole {
		return
	}
	fmt.Fprintln(os.Stderr, "launch:", launch(os.Args[2], os.Args[3:]))
	os.Exit(1)
}

const launchRole = "launch-under-seccomp"

func launch(allowed string, argv []string) error {
	const arch, callNumber = 4, 0 // offsets in struct seccomp_data
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	ret := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	equal := func(k uint32, jt, jf uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: jt, Jf: jf}
	}
	prog := []unix.SockFilter{
		load(arch), equal(unix.AUDIT_ARCH_X86_64, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS),
		load(callNumber),
	}
	for n := range strings.SplitSeq(allowed, ",") {
		call, err := strconv.ParseUint(n, 10, 32)
		if err != nil {
			return err
		}
		prog = append(prog, equal(uint32(call), 0, 1), ret(unix.SECCOMP_RET_ALLOW))
	}
	prog = append(prog, ret(unix.SECCOMP_RET_KILL_PROCESS))
	filter := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		return errno
	}
	return syscall.Exec(argv[0], argv, os.Environ())
}

// callNumbers are those of the calls that the document may list.
var callNumbers = map[string]int{
	"accept4": unix.SYS_ACCEPT4, "access": unix.SYS_ACCESS, "arch_prctl": unix.SYS_ARCH_PRCTL, "bind": unix.SYS_BIND,
	"brk": unix.SYS_BRK, "clone": unix.SYS_CLONE, "clone3": unix.SYS_CLONE3, "close": unix.SYS_CLOSE,
	"connect": unix.SYS_CONNECT, "epoll_create1": unix.SYS_EPOLL_CREATE1, "epoll_ctl": unix.SYS_EPOLL_CTL,
	"epoll_pwait": unix.SYS_EPOLL_PWAIT, "epoll_wait": unix.SYS_EPOLL_WAIT, "eventfd2": unix.SYS_EVENTFD2,
	"execve": unix.SYS_EXECVE, "faccessat2": unix.SYS_FACCESSAT2, "getdents64": unix.SYS_GETDENTS64, "preadv2": unix.SYS_PREADV2,
	"statfs": unix.SYS_STATFS, "exit": unix.SYS_EXIT, "exit_group": unix.SYS_EXIT_GROUP, "fadvise64": unix.SYS_FADVISE64,
	"fchmodat": unix.SYS_FCHMODAT, "fcntl": unix.SYS_FCNTL, "ioctl": unix.SYS_IOCTL, "fstat": unix.SYS_FSTAT, "fstatfs": unix.SYS_FSTATFS,
	"futex": unix.SYS_FUTEX, "getpeername": unix.SYS_GETPEERNAME, "getpid": unix.SYS_GETPID,
	"getrandom": unix.SYS_GETRANDOM, "getrlimit": unix.SYS_GETRLIMIT, "getsockname": unix.SYS_GETSOCKNAME,
	"getsockopt": unix.SYS_GETSOCKOPT, "gettid": unix.SYS_GETTID, "getuid": unix.SYS_GETUID, "listen": unix.SYS_LISTEN,
	"madvise": unix.SYS_MADVISE, "mincore": unix.SYS_MINCORE, "mmap": unix.SYS_MMAP, "mprotect": unix.SYS_MPROTECT,
	"munmap": unix.SYS_MUNMAP, "nanosleep": unix.SYS_NANOSLEEP, "newfstatat": unix.SYS_NEWFSTATAT,
	"openat": unix.SYS_OPENAT, "pipe2": unix.SYS_PIPE2, "prctl": unix.SYS_PRCTL, "pread64": unix.SYS_PREAD64,
	"prlimit64": unix.SYS_PRLIMIT64, "read": unix.SYS_READ, "readahead": unix.SYS_READAHEAD,
	"readlinkat": unix.SYS_READLINKAT, "recvfrom": unix.SYS_RECVFROM, "restart_syscall": unix.SYS_RESTART_SYSCALL,
	"rseq": unix.SYS_RSEQ, "rt_sigaction": unix.SYS_RT_SIGACTION, "rt_sigprocmask": unix.SYS_RT_SIGPROCMASK,
	"rt_sigreturn": unix.SYS_RT_SIGRETURN, "sched_getaffinity": unix.SYS_SCHED_GETAFFINITY,
	"sched_yield": unix.SYS_SCHED_YIELD, "sendfile": unix.SYS_SENDFILE, "sendmsg": unix.SYS_SENDMSG,
	"sendto": unix.SYS_SENDTO, "set_robust_list": unix.SYS_SET_ROBUST_LIST, "set_tid_address": unix.SYS_SET_TID_ADDRESS,
	"setrlimit": unix.SYS_SETRLIMIT, "setsockopt": unix.SYS_SETSOCKOPT, "shutdown": unix.SYS_SHUTDOWN,
	"sigaltstack": unix.SYS_SIGALTSTACK, "socket": unix.SYS_SOCKET, "socketpair": unix.SYS_SOCKETPAIR,
	"tgkill": unix.SYS_TGKILL, "timerfd_create": unix.SYS_TIMERFD_CREATE, "timerfd_settime": unix.SYS_TIMERFD_SETTIME,
	"umask": unix.SYS_UMASK, "uname": unix.SYS_UNAME, "unlinkat": unix.SYS_UNLINKAT, "write": unix.SYS_WRITE,
	"writev": unix.SYS_WRITEV,
}
