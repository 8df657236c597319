package websocket

// Any is one of the open connections of a server.
func Any(s *Server) *Conn {
	for i := range s.count.lists {
		if c := s.count.lists[i].first; c != nil {
			return c
		}
	}
	return nil
}
