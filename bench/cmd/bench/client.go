//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	plaintextPath = "/plaintext"
	plaintextBody = "Hello, World!"
	clientTimeout = 30 * time.Second
)

var plaintextRequest = []byte("GET " + plaintextPath + " HTTP/1.1\r\nHost: localhost\r\n\r\n")

// client is one keep-alive connection with a small buffer; it knows just enough HTTP for /plaintext.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

// dialClient connects to addr, from the source address if one is given.
func dialClient(addr, source string) (*client, error) {
	d := net.Dialer{Timeout: clientTimeout, KeepAlive: -1}
	if source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 512)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// send writes a request without waiting for its answer.
func (c *client) send() error {
	_ = c.conn.SetDeadline(time.Now().Add(clientTimeout))
	_, err := c.conn.Write(plaintextRequest)
	return err
}

// receive reads one answer, which must be a 200 with the expected body.
func (c *client) receive() error {
	_ = c.conn.SetDeadline(time.Now().Add(clientTimeout))
	_, err := c.readAnswer()
	return err
}

// get sends a request and reads its answer.
func (c *client) get() error {
	if err := c.send(); err != nil {
		return err
	}
	return c.receive()
}

// readAnswer reads a head and the body that its Content-Length announces, and returns the fields' names.
func (c *client) readAnswer() (fields map[string]bool, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return nil, fmt.Errorf("answered %q", line)
	}
	fields = make(map[string]bool, 8)
	length := -1
	for {
		line, err = c.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		name, value, found := strings.Cut(strings.TrimSpace(string(line)), ":")
		if !found {
			break
		}
		name = strings.ToLower(name)
		fields[name] = true
		if name == "content-length" {
			length = int(atoi(strings.TrimSpace(value)))
		}
	}
	if length != len(plaintextBody) {
		return nil, fmt.Errorf("Content-Length is %d, want %d", length, len(plaintextBody))
	}
	var body [len(plaintextBody)]byte
	if _, err := io.ReadFull(c.in, body[:]); err != nil {
		return nil, err
	}
	if string(body[:]) != plaintextBody {
		return nil, fmt.Errorf("body is %q", body)
	}
	return fields, nil
}

// check sees that the server does what the comparison assumes: a Date in the answer, and sixteen requests
// that arrive in one segment all answered.
func (c *client) check() error {
	if err := c.send(); err != nil {
		return err
	}
	fields, err := c.readAnswer()
	if err != nil {
		return err
	}
	if !fields["date"] || !fields["content-type"] {
		return errors.New("the answer lacks Date or Content-Type")
	}
	const depth = 16
	if _, err := c.conn.Write(bytes.Repeat(plaintextRequest, depth)); err != nil {
		return err
	}
	for i := range depth {
		if err := c.receive(); err != nil {
			return fmt.Errorf("pipelined answer %d: %w", i+1, err)
		}
	}
	return nil
}
