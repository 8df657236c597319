package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/middleware/compress"
)

const (
	staticPrefix = "/static/"
	documentPath = "/document.json"
)

var hello = []byte("Hello, World!")

// routes makes the handler that the flags ask for.
func (s *settings) routes() (http1.Handler, error) {
	var document []byte
	if s.document != "" {
		var err error
		if document, err = os.ReadFile(s.document); err != nil {
			return nil, err
		}
	}
	var h http1.Handler
	switch s.handler {
	case "native":
		files, err := s.files()
		if err != nil {
			return nil, err
		}
		h = native(document, files)
	case "std":
		h = http1.Std(std(document, s.static))
	default:
		return nil, fmt.Errorf("-handler %q: native or std", s.handler)
	}
	if document != nil {
		h = http1.Chain(h, (&compress.Responses{}).Middleware())
	}
	return h, nil
}

// files serves the directory of -static, which is open until the process ends; nil without one.
func (s *settings) files() (http1.Handler, error) {
	if s.static == "" {
		return nil, nil
	}
	root, err := os.OpenRoot(s.static)
	if err != nil {
		return nil, err
	}
	return http1.Files(root, http1.FilesConfig{Prefix: staticPrefix}), nil
}

// native answers on the loop.
func native(document []byte, files http1.Handler) http1.Handler {
	return http1.HandlerFunc(func(x *http1.Exchange) {
		switch path := x.Path(); {
		case string(path) == "/plaintext":
			x.Respond(http.StatusOK, "text/plain", hello)
		case files != nil && bytes.HasPrefix(path, []byte(staticPrefix)):
			files.Handle(x)
		case document != nil && string(path) == documentPath:
			x.Respond(http.StatusOK, "application/json", document)
		default:
			x.Respond(http.StatusNotFound, "", nil)
		}
	})
}

// std is the same as net/http handlers.
func std(document []byte, static string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", func(w http.ResponseWriter, _ *http.Request) {
		write(w, "text/plain", hello)
	})
	if document != nil {
		mux.HandleFunc("GET "+documentPath, func(w http.ResponseWriter, _ *http.Request) {
			write(w, "application/json", document)
		})
	}
	if static != "" {
		mux.Handle("GET "+staticPrefix, http.StripPrefix(staticPrefix, http.FileServer(http.Dir(static))))
	}
	return mux
}

func write(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
