// Package multipart takes uploads of multipart/form-data (RFC 7578) in native http1 handlers, and makes such forms for clients.
//
// Read takes a whole form: small values into memory, files to temporary files, written by workers while the client is held
// back, so that an upload of any size costs some 64 KiB of memory and never the loop's time. A Parser is for those who want the
// parts as they come: it is pure, takes pieces of any size, and can be fed from Exchange.StreamBody.
//
// Encoder is the other side: a form of values and files, streamed, for any client.
//
// What is ambiguous is refused: bare LF, folded lines, a boundary at the beginning of a line that goes on otherwise, repeated
// Content-Disposition or parameters. filename* is ignored (RFC 7578 section 4.2).
package multipart
