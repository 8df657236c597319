package conform

import "strings"

// garbageCases are bytes that are no HTTP at all. The server answers, or
// closes, and stays in good health, which the next case will see.
func garbageCases() []Case {
	var high strings.Builder
	for i := range 256 {
		high.WriteByte(byte(255 - i))
	}
	return []Case{
		refuse(Security, "9112-2.2-tls-client-hello",
			"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"+strings.Repeat("\x5a", 64)+"\r\n\r\n"),
		refuse(Security, "9112-2.2-ssh-banner", "SSH-2.0-OpenSSH_9.6\r\n\r\n"),
		refuse(Security, "9112-2.2-smtp-greeting", "EHLO conform\r\n\r\n", 400, 505),
		refuse(Security, "9112-2.2-redis-command", "*1\r\n$4\r\nPING\r\n\r\n"),
		refuse(Security, "9112-2.2-nul-bytes", strings.Repeat("\x00", 64)+"\r\n\r\n"),
		refuse(Security, "9112-2.2-every-byte", high.String()+"\r\n\r\n"),
		refuse(Security, "9112-2.2-spaces", strings.Repeat(" ", 64)+"\r\n\r\n"),
		refuse(Security, "9112-2.2-word", "hello\r\n\r\n"),
		refuse(Security, "9112-2.2-http-response", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		refuse(Security, "9112-2.2-json-line", "{\"method\":\"GET\"}\r\n\r\n"),
		refuse(Security, "9112-2.2-socks5", "\x05\x01\x00\r\n\r\n"),
		refuse(Security, "9112-2.2-proxy-v1", "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"+get("/plaintext")),
		refuse(Security, "9112-2.2-proxy-v2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x01\x00\x02"+get("/plaintext")),
		refuse(Security, "9112-2.2-escape-codes", "\x1b[2J\x1b[1;1H\r\n\r\n"),
		cutShort(Security, "9112-8-nul-then-end", "\x00"),
		cutShort(Security, "9112-8-garbage-then-end", "\xde\xad\xbe\xef"),
	}
}
