// Package wire is the codec of the relay's link: the frames that docs/relay-protocol.md specifies, one per binary WebSocket
// message, each a header of six bytes and a body. It is pure: no I/O, no clock, no goroutines.
//
// [Parse] reads one message and gives a [Frame] whose slices alias it; it allocates nothing. Everything that is malformed is
// an [*Error]: an unknown type, flags that the type does not have, a stream where there must be none or none where there must
// be one, a body that is too short, too long or contradicts itself. The Append functions write what Parse reads.
package wire
