// Package peers tests the RTSP gateway against what others have written: gortsplib's server and clients, ffmpeg, ffprobe and GStreamer, with
// real H.264. It is a module of its own, so that their code is no dependency of this one.
package peers
