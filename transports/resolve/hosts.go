package resolve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

const (
	// hostsEvery is how often a hosts file is looked at.
	hostsEvery = 5 * time.Second
	// maxHosts bounds what is read of one, in bytes. Lists that block advertisements have some 5 MB.
	maxHosts = 16 << 20
)

// hosts is a hosts file, read again when it has changed.
type hosts struct {
	mu      sync.Mutex
	checked time.Time
	stamp   stamp
	names   map[string][]netip.Addr
	err     error
}

// stamp tells whether a file has changed.
type stamp struct {
	size int64
	mod  time.Time
}

// find looks for a name in the file at path. A file that is not there has no names; one that cannot be read is an error, unless
// it could be before.
func (h *hosts) find(path, name string) ([]netip.Addr, bool, error) {
	if path == "" {
		return nil, false, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); h.checked.IsZero() || now.Sub(h.checked) >= hostsEvery {
		switch {
		case !reactor.OnLoop():
			h.checked = now
			h.refresh(path)
		case h.checked.IsZero():
			return nil, false, reactor.ErrOnLoop
		}
	}
	if h.err != nil {
		return nil, false, failure(name, "", &serverError{h.err})
	}
	all, ok := h.names[name]
	return all, ok, nil
}

func (h *hosts) refresh(path string) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		h.names, h.stamp, h.err = nil, stamp{}, nil
		return
	}
	if err == nil {
		defer f.Close()
		err = h.read(f)
	}
	if err != nil && h.names == nil {
		h.err = err
	} else if err == nil {
		h.err = nil
	}
}

func (h *hosts) read(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	now := stamp{info.Size(), info.ModTime()}
	if h.names != nil && now == h.stamp {
		return nil
	}
	names, err := parseHosts(f)
	if err == nil {
		h.names, h.stamp = names, now
	}
	return err
}

// parseHosts reads lines of an address and its names. Lines that are not so are left out, as all systems do. A name on several
// lines has all of their addresses.
func parseHosts(r io.Reader) (map[string][]netip.Addr, error) {
	names := map[string][]netip.Addr{}
	limited := &io.LimitedReader{R: r, N: maxHosts + 1}
	s := bufio.NewScanner(limited)
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		ip, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, host := range fields[1:] {
			if name, ok := canonical(host); ok && !slices.Contains(names[name], ip) && len(names[name]) < defaultMaxAddrs {
				names[name] = append(names[name], ip)
			}
		}
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("resolve: the hosts file has more than %d bytes", maxHosts)
	}
	return names, s.Err()
}
