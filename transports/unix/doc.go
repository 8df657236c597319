// Package unix has the listeners and dialers of unix stream sockets for package reactor.
//
// Listen takes care of the socket's file: one that nobody uses any more is removed first, one in use never; its mode is
// set before anyone can connect; Close removes it if it is still the same one. Names that begin with "@" are Linux's
// abstract sockets, which have no file.
package unix
