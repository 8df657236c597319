//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// probeStep is the distance of the bytes that Resident looks at. The kernel reads ahead, and drops, larger pieces.
const probeStep = 32 << 10

// Resident says whether n bytes of f at off can be read without waiting for the disk, as far as samples show; a range beyond
// the end is. It asks by preadv2 with RWF_NOWAIT, some 150 ns a sample, and not by mincore or cachestat: these tell only who
// could write the file, and count pages that are still being read. False where the file system cannot tell.
func Resident(f *os.File, off int64, n int) bool {
	rc, err := f.SyscallConn()
	if err != nil {
		return true // a closed file fails at once
	}
	resident := true
	err = rc.Control(func(fd uintptr) {
		last := off + int64(n) - 1
		for at := off; resident && at < last; at += probeStep {
			resident = readsNow(fd, at)
		}
		resident = resident && readsNow(fd, last)
	})
	return err != nil || resident
}

// readsNow says whether the byte at off can be read without waiting.
func readsNow(fd uintptr, off int64) bool {
	var b [1]byte
	iov := unix.Iovec{Base: &b[0], Len: 1}
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, fd, uintptr(unsafe.Pointer(&iov)), 1, uintptr(off), 0, unix.RWF_NOWAIT)
		runtime.KeepAlive(&b)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN, unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL:
			return false
		}
		return true // what else is wrong, reading shows at once
	}
}
