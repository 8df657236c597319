package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/multipart"
	"github.com/calandria-go/calandria/protocols/http1/router"
)

// received is what /upload says of a form.
type received struct {
	Fields map[string]string `json:"fields"`
	Files  []receivedFile    `json:"files"`
}

type receivedFile struct {
	Field  string `json:"field"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// addUpload takes forms with files, puts these into a folder while they come, and says what came.
func (s *site) addUpload(r *router.Router) error {
	folder := s.o.upload
	if folder == "" {
		folder = os.TempDir()
	}
	dir, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("-upload: %w", err)
	}
	s.closers = append(s.closers, dir)
	cfg := multipart.Config{Dir: dir, MaxFileBytes: s.o.maxBody, MaxTotalBytes: s.o.maxBody}
	r.HandleFunc("POST /upload", func(x *http1.Exchange) { multipart.Read(x, cfg, describe) })
	return nil
}

// describe answers with what came. The sums are made by a worker: they take time and the disk.
func describe(x *http1.Exchange, form *multipart.Form) {
	got := received{Fields: map[string]string{}, Files: []receivedFile{}}
	for _, f := range form.Fields {
		got.Fields[f.Name] = f.Value
	}
	err := x.Offload(func() {
		err := got.sum(form.Files)
		x.Post(func(x *http1.Exchange) {
			if err != nil {
				x.Respond(http.StatusInternalServerError, textPlain, []byte("the upload cannot be read\n"))
				return
			}
			body, _ := json.Marshal(got) // strings and numbers
			x.Respond(http.StatusOK, "application/json", append(body, '\n'))
		})
	})
	if err != nil {
		x.Respond(http.StatusServiceUnavailable, textPlain, []byte("too busy\n"))
	}
}

func (got *received) sum(files []*multipart.File) error {
	for _, f := range files {
		sum, err := sumOf(f)
		if err != nil {
			return err
		}
		got.Files = append(got.Files, receivedFile{f.Field, f.Name, f.ContentType, f.Size, sum})
	}
	return nil
}

func sumOf(f *multipart.File) (string, error) {
	file, err := f.Open()
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
