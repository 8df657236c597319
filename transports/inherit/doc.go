// Package inherit takes listening sockets over from the process before, so that a restart refuses no connection, or from
// systemd.
//
// Listen gives an inherited socket where there is one for the target, else it makes one. Restart starts a successor of this
// process with all sockets that Listen gave; when the successor calls Ready, both accept from the same sockets, and this
// process shuts its reactor down at its leisure: what waits in a backlog is the successor's. A successor that fails leaves this process as it was.
//
// Socket activation follows sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; Notify follows sd_notify(3).
package inherit
