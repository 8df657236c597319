//go:build linux

package main

import (
	"bytes"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/calandria-go/calandria/transports/tls"
)

// documentSize is about what the document of the gzip scenario has.
const documentSize = 10 << 10

// staticFile is a file of the static scenario.
type staticFile struct {
	name  string
	title string
	size  int
}

var staticFiles = []staticFile{{"10KiB.bin", "10 KiB", 10 << 10}, {"1MiB.bin", "1 MiB", 1 << 20}}

// content is the file's, which does not change from run to run and does not compress.
func (f staticFile) content() []byte {
	b := make([]byte, f.size)
	random := rand.NewChaCha8([32]byte{byte(f.size >> 10), byte(f.size >> 18)})
	_, _ = random.Read(b) // never fails
	return b
}

// fixtures are the files, in the work folder, that the servers are given: the same ones for all.
type fixtures struct {
	cert, key string
	static    string
	document  string
}

// makeFixtures writes what is not there yet.
func makeFixtures(work string) (fixtures, error) {
	f := fixtures{
		cert: filepath.Join(work, "cert.pem"), key: filepath.Join(work, "key.pem"),
		static: filepath.Join(work, "static"), document: filepath.Join(work, "document.json"),
	}
	if err := os.MkdirAll(f.static, 0o755); err != nil {
		return f, err
	}
	if err := ensureCertificate(f.cert, f.key); err != nil {
		return f, err
	}
	for _, file := range staticFiles {
		if err := ensureFile(filepath.Join(f.static, file.name), file.content()); err != nil {
			return f, err
		}
	}
	document, err := makeDocument(documentSize)
	if err != nil {
		return f, err
	}
	return f, ensureFile(f.document, document)
}

// ensureFile writes a file unless it has the content already: then its time stays, and servers that look at
// the age of files see an old one.
func ensureFile(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	return os.WriteFile(path, content, 0o644)
}

// ensureCertificate makes a self-signed P-256 certificate, unless there is one that is good for a day more.
func ensureCertificate(cert, key string) error {
	if pair, err := ctls.LoadX509KeyPair(cert, key); err == nil && time.Until(pair.Leaf.NotAfter) > 24*time.Hour {
		return nil
	}
	pair, err := tls.SelfSigned("localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o644),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
}

// documentItem is an entry of the document, of the kinds of values that an API answers with.
type documentItem struct {
	ID      uint64   `json:"id"`
	Name    string   `json:"name"`
	Email   string   `json:"email"`
	Active  bool     `json:"active"`
	Balance float64  `json:"balance"`
	Created string   `json:"created"`
	Tags    []string `json:"tags"`
}

// makeDocument is a JSON document of at most size bytes and at least 300 less, the same each time.
func makeDocument(size int) ([]byte, error) {
	random := rand.New(rand.NewPCG(7, 7))
	words := []string{
		"amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "juniper", "krypton", "lagoon",
		"meadow", "nickel", "onyx", "pepper", "quartz", "ripple", "saffron", "timber", "umbra", "velvet", "willow", "zephyr",
	}
	word := func() string { return words[random.IntN(len(words))] }
	var items []documentItem
	var text []byte
	for i := 0; ; i++ {
		name := word() + " " + word()
		items = append(items, documentItem{
			ID: random.Uint64N(1 << 40), Name: name, Email: fmt.Sprintf("%s%d@example.com", word(), random.IntN(1000)),
			Active: random.IntN(3) > 0, Balance: float64(random.IntN(10_000_000)) / 100,
			Created: time.Unix(1_600_000_000+random.Int64N(1e8), 0).UTC().Format(time.RFC3339),
			Tags:    []string{word(), word(), word()},
		})
		next, err := json.Marshal(map[string]any{"items": items, "total": 1000, "page": 1})
		if err != nil {
			return nil, err
		}
		if len(next) > size {
			return text, nil
		}
		text = next
	}
}
