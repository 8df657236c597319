package relay

import "github.com/calandria-go/calandria/protocols/http1"

func (s *Server) HTTP() http1.Handler { return http1.HandlerFunc(func(x *http1.Exchange) {}) }
