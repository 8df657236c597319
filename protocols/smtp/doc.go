// Package smtp sends mail: to a server that takes it for delivery, over connections of a reactor.
//
// A Client sends a Message: STARTTLS is required unless said otherwise, or TLS is there from the beginning; it logs in by
// SCRAM, CRAM-MD5, PLAIN, LOGIN or XOAUTH2; attachments are read while they are sent. Send is all of that in one line. A Queue
// takes messages, and tries again what failed for now.
//
// The message and the commands are github.com/wneessen/go-mail's; the connection, its limits and its time are ours. What a
// message has in its fields is checked before anything is sent: a line break in a subject, a name or an address is an
// error, never a further header or command.
package smtp
