// Package rtsphttp is a gateway that tunnels RTSP to plain RTSP cameras: over two HTTP connections, as Apple's dispatch 28 has it and
// ffmpeg, GStreamer, VLC and QuickTime speak it, and over a WebSocket, as ONVIF does. It looks at RTSP's messages and passes the
// media on as it comes.
//
// # A tunnel
//
// The viewer sends a GET, whose answer has no end: the camera's bytes as they are. Its POST has the viewer's own, in base64. Both
// carry the same x-sessioncookie, by which the Gateway pairs them, in either order, once; then POSTs may end and be followed by
// others, and the GET's end is the tunnel's. A WebSocket carries both directions. Each tunnel has one connection to its camera, on
// the loop of the GET.
//
// # Goroutines and memory
//
// A tunnel has no goroutine; three connections and one timer of a loop, and some 700 bytes of its own. What a viewer does not take
// is queued for it alone, up to Config.MaxQueued: then the viewer is dropped, and no camera or other viewer notices.
//
// # The client
//
// Dial gives a net.Conn through a tunnel, for any RTSP library.
package rtsphttp
