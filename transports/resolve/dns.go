package resolve

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/miekg/dns"
)

// udpSize is what we say that we take over UDP: what passes without fragments (RFC 9715).
const udpSize = 1232

// maxPackets is how many packets that are not the answer are read before a question counts as lost.
const maxPackets = 64

// ask goes through the servers, beginning with the one that answered last, and gives what is known then and for how long.
func (r *Resolver) ask(q question) (*entry, time.Duration) {
	var a *reply
	var err error
	var server netip.AddrPort
	n := len(r.servers)
	first := int(r.prefer.Load())
	for i := range n * positive(r.Attempts, defaultAttempts) {
		at := (first + i) % n
		server = r.servers[at]
		if a, err = r.askServer(server, q); err == nil {
			r.prefer.Store(int32(at))
			break
		}
		if isTimeout(err) {
			r.counters.timeouts.Add(1)
		} else {
			r.counters.failures.Add(1)
		}
	}
	switch {
	case err != nil && isTimeout(err):
		return &entry{err: failure(q.name, server.String(), &serverError{&timeoutError{err}})}, 0
	case err != nil:
		return &entry{err: failure(q.name, server.String(), &serverError{err})}, 0
	case a.err != nil:
		ttl := a.ttl
		if limit := orDefault(r.MaxNegativeTTL, defaultMaxNegativeTTL); ttl > limit {
			ttl = max(limit, 0)
		}
		return &entry{err: failure(q.name, server.String(), a.err)}, ttl
	}
	ttl := max(a.ttl, r.MinTTL)
	if limit := orDefault(r.MaxTTL, defaultMaxTTL); limit > 0 {
		ttl = min(ttl, limit)
	}
	return &entry{addrs: a.addrs, name: a.name, source: DNS}, ttl
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// askServer asks one server for a name, and for what its aliases lead to as far as the server does not say so by itself.
func (r *Resolver) askServer(server netip.AddrPort, q question) (*reply, error) {
	out := &reply{name: q.name, ttl: 1<<63 - 1}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), positive(r.Timeout, defaultTimeout))
		a, err := r.exchange(ctx, server, q)
		cancel()
		if err != nil {
			return nil, err
		}
		out.addrs, out.name, out.err = a.addrs, a.name, a.err
		out.ttl = min(out.ttl, a.ttl)
		if out.hops += a.hops; out.hops > maxChain {
			return nil, errChain
		}
		if !a.more {
			return out, nil
		}
		q.name = a.name
	}
}

// exchangeDNS asks one question: over UDP, and over TCP if the answer does not fit. A server that does not know EDNS (RFC 6891)
// is asked without.
func (r *Resolver) exchangeDNS(ctx context.Context, server netip.AddrPort, q question) (*reply, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.name), q.qtype())
	m.SetEdns0(udpSize, false)
	maxAddrs := positive(r.MaxAddrs, defaultMaxAddrs)
	in, err := r.exchangeUDP(ctx, server, m, q)
	if err != nil {
		return nil, err
	}
	a, err := readReply(in, q, maxAddrs)
	if err == errFormat {
		m.Extra, m.Id = nil, dns.Id()
		if in, err = r.exchangeUDP(ctx, server, m, q); err != nil {
			return nil, err
		}
		a, err = readReply(in, q, maxAddrs)
	}
	if !in.Truncated {
		return a, err
	}
	m.Id = dns.Id()
	if in, err = r.exchangeTCP(ctx, server, m, q); err != nil {
		return nil, err
	}
	if in.Truncated {
		return nil, errTruncated
	}
	return readReply(in, q, maxAddrs)
}

// exchangeUDP asks from a socket of its own, and so from a port that nobody can know. What comes and is not the answer is left
// out: it is late, or forged.
func (r *Resolver) exchangeUDP(ctx context.Context, server netip.AddrPort, m *dns.Msg, q question) (*dns.Msg, error) {
	r.counters.queries.Add(1)
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	out, err := m.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(out); err != nil {
		return nil, err
	}
	buf := make([]byte, 4*udpSize)
	for range maxPackets {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		in := new(dns.Msg)
		if err := in.Unpack(buf[:n]); (err == nil || in.Truncated) && answers(in, m.Id, q) {
			return in, nil
		}
		r.counters.ignored.Add(1)
	}
	return nil, errMismatch
}

// exchangeTCP asks on a connection of its own.
func (r *Resolver) exchangeTCP(ctx context.Context, server netip.AddrPort, m *dns.Msg, q question) (*dns.Msg, error) {
	r.counters.queries.Add(1)
	r.counters.tcp.Add(1)
	conn, err := r.dialTCP(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	out, err := m.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
		return nil, err
	}
	text, err := readFrame(conn)
	if err != nil {
		return nil, err
	}
	in := new(dns.Msg)
	if err := in.Unpack(text); err != nil {
		return nil, err
	}
	if !answers(in, m.Id, q) {
		r.counters.ignored.Add(1)
		return nil, errMismatch
	}
	return in, nil
}

// readFrame reads one message as TCP has it: its length in two bytes, and then it. The buffer grows with what comes.
func readFrame(conn io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint16(head[:]))
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, conn, n); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return buf.Bytes(), nil
}

func (r *Resolver) dialTCP(ctx context.Context, server netip.AddrPort) (net.Conn, error) {
	if r.Reactor == nil {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", server.String())
	}
	var d tcp.Dialer
	s, err := d.DialContext(ctx, r.Reactor, server.String())
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (r *Resolver) system() tcp.Resolver {
	if r.System != nil {
		return r.System
	}
	return net.DefaultResolver
}

// SystemServers are the DNS servers of a file of the form of /etc/resolv.conf, for Resolver.Servers.
func SystemServers(path string) ([]string, error) {
	c, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, s := range c.Servers {
		if _, err := netip.ParseAddr(s); err == nil {
			out = append(out, s)
		}
	}
	return out, nil
}
