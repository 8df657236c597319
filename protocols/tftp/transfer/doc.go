// Package transfer is one TFTP transfer as a state machine (RFC 1350, 2347, 2348,
// 2349, 7440): a [Sender] gives a file, a [Receiver] takes one, and each is used by
// servers (Serve) and by clients (Put, Get). It has no I/O, no clock and no
// goroutines: whoever drives it passes packets and the time.
//
// # Driving a machine
//
// Start it with Serve, Put or Get. After that, and after each of the inputs:
//
//	for p := m.Next(now); p != nil; p = m.Next(now) { send(p) }
//	if m.Outcome() != transfer.Running { drop it }
//	call m.Timer at m.Wake()
//
// The inputs are Handle, for each packet from the peer's own address, Timer, and for
// the file's bytes [Sender.Write] and [Sender.Finish], or [Receiver.SetSpace] and
// [Receiver.Commit]. Next need not be called until it returns nil: what is not
// asked for stays due, so a full socket is back-pressure and loses nothing. What it
// returns is valid until the next input.
//
// Packets from other addresses never reach a machine (RFC 1350 4): [TID] tells them
// apart and answers them with ERROR 5, and the transfer goes on.
//
// # Where the RFCs leave a choice
//
//   - A duplicate ACK resends nothing, ever (the sorcerer's apprentice, RFC 1123
//     4.2.3.1). An ACK inside a window acknowledges all before it, and the sender goes
//     on behind it (RFC 7440 4). A window whose first block is lost waits for the
//     timer.
//   - A receiver answers a gap with one ACK of its last good block, and again only
//     when the sender has visibly started over.
//   - Datagrams that do not parse are dropped, as if lost. So is a short block that
//     would end the file before its announced size.
//   - Time-outs follow the round trips (RFC 6298, with Karn's rule), or the timeout
//     that was agreed on, and double with each try.
//   - Behind block 65535 comes 0, or 1 if rollover was agreed to be so. Inside, blocks
//     are counted with 64 bits.
//   - tsize is never answered with 0: curl takes that for an error.
//   - A peer that ends the transfer with an ERROR as its first answer to an OACK only
//     wanted the options: the outcome is [Declined], not [Failed].
//
// Machines are not safe for concurrent use. One costs about 500 bytes, and a Sender
// the window's blocks as they fill.
package transfer
