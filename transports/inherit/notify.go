package inherit

import (
	"net"
	"os"
)

// Notify tells systemd the state, such as "READY=1" or "STATUS=...", by sd_notify(3): one datagram to the socket that the
// variable NOTIFY_SOCKET names, "@name" for an abstract one. Without that variable it does nothing. Any goroutine.
func Notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}

// Stopping tells systemd that this process is shutting down, unless it has a successor. Any goroutine.
func Stopping() error {
	process.mu.Lock()
	replaced := process.replaced
	process.mu.Unlock()
	if replaced {
		return nil
	}
	return Notify("STOPPING=1")
}
