//go:build linux

package main

import (
	"bytes"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestDocument(t *testing.T) {
	text, err := makeDocument(documentSize)
	if err != nil || len(text) > documentSize || len(text) < documentSize-300 || !json.Valid(text) {
		t.Fatalf("%d bytes, valid: %v, %v", len(text), json.Valid(text), err)
	}
	again, err := makeDocument(documentSize)
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the document changes from call to call: %v", err)
	}
}

func TestFixturesAreMadeOnce(t *testing.T) {
	work := t.TempDir()
	f, err := makeFixtures(work)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ctls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := serversCertificate(ctls.ConnectionState{PeerCertificates: []*x509.Certificate{pair.Leaf}}); err != nil {
		t.Error(err)
	}
	if serversCertificate(ctls.ConnectionState{}) == nil {
		t.Error("a connection without a certificate passed")
	}
	if info, err := os.Stat(f.key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
	for _, file := range staticFiles {
		got, err := os.ReadFile(filepath.Join(f.static, file.name))
		if err != nil || len(got) != file.size || !bytes.Equal(got, file.content()) {
			t.Errorf("%s: %d bytes, %v", file.name, len(got), err)
		}
	}
	before := mustStat(t, f.cert, f.document)
	if _, err := makeFixtures(work); err != nil {
		t.Fatal(err)
	}
	for i, after := range mustStat(t, f.cert, f.document) {
		if !after.ModTime().Equal(before[i].ModTime()) {
			t.Errorf("%s was written again", after.Name())
		}
	}
}

func mustStat(t *testing.T, paths ...string) []os.FileInfo {
	t.Helper()
	var all []os.FileInfo
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info)
	}
	return all
}

// A key that does not fit its certificate, such as after an interrupted run, is made anew with it.
func TestBrokenCertificateIsReplaced(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(cert, []byte("not PEM"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ensureCertificate(cert, key); err != nil {
		t.Fatal(err)
	}
	if _, err := ctls.LoadX509KeyPair(cert, key); err != nil {
		t.Error(err)
	}
}
