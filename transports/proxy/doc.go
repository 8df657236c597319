// Package proxy is what stands between a client and a server: the PROXY protocol, versions 1 and 2, by which a load balancer
// says at the beginning of a connection who is on its other side; and SOCKS5, a dialer that goes through such a proxy.
//
// Protocol is the receiving side, in front of any other reactor.Protocol: it reads the header on the loop, sets the
// connection's RemoteAddr, and hands over to the next one in place. AppendV1 and AppendV2 are the sending side. Parse is the
// codec of both versions, without any I/O. The specification is HAProxy's proxy-protocol.txt.
//
// Whoever may send a header may be anybody: so it is believed of trusted peers only, and trusted is nobody until it is said.
package proxy
