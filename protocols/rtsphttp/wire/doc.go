// Package wire is the codec of RTSP tunnels: the base64 of a POST's body, and the framing of an RTSP connection, its messages and
// the media that is interleaved with them. It is pure: no I/O, no clock, no goroutines.
//
// [Decoder] takes base64 as it comes: padding in mid-stream, since clients encode each message by itself, line breaks, pieces
// that end anywhere. [Framer] tells where messages and media begin and end without touching the media. [ParseHead] reads a
// message's head so that it can be changed; a message that is not changed is passed on as it came.
package wire
