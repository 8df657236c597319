package multipart

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// What an Encoder refuses, and what its Body may end with.
var (
	// ErrName: a name or file name is not UTF-8, or has control characters other than CR and LF, which no reader takes.
	ErrName = errors.New("multipart: bad name of a part")
	// ErrContentType: a part's content type is no field value.
	ErrContentType = errors.New("multipart: bad content type of a part")
	// ErrSize: a file has more bytes than it was said to have. One with fewer is io.ErrUnexpectedEOF.
	ErrSize = errors.New("multipart: a file is longer than it was")
	// ErrBoundaryInData: a file has the boundary in it. By chance that does not happen; a file that is written by someone who
	// sees the boundary may have it.
	ErrBoundaryInData = errors.New("multipart: the boundary is in the data of a part")
)

// Encoder makes a body of multipart/form-data (RFC 7578) out of values and files. A file is opened when the body comes to it and
// streamed through the caller's buffer, so that a form of any size costs its heads and values. Add parts first, then ask for bodies:
// each is a new one, from the beginning. The zero Encoder is ready for use. It is not safe for concurrent use while parts are added;
// bodies are independent of each other.
type Encoder struct {
	boundary string
	parts    []outPart
}

// outPart is a part to be written: its head, with the delimiter before it, and its data.
type outPart struct {
	head string
	size int64 // negative: not known
	open func() (io.ReadCloser, error)
}

// AddField adds a value. It goes out as it is; of the name, as browsers do it, quotes and line ends are encoded (%22, %0D, %0A: the
// HTML standard, section "multipart/form-data"). A percent sign is not: a name that holds "%22" is read as one with a quote.
func (e *Encoder) AddField(name, value string) error {
	return e.add(name, "", int64(len(value)), func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(value)), nil
	})
}

// AddFile adds a file that open opens, once for each body and not before the body comes to it. contentType may be empty:
// application/octet-stream. size is the number of its bytes, or negative if that is not known: then the body's length is not
// known either, and it is sent chunked. The file name is sent in UTF-8 (RFC 7578 section 5.1), encoded as names are; nothing is cut
// off, so give the last element of a path.
func (e *Encoder) AddFile(name, fileName, contentType string, size int64, open func() (io.ReadCloser, error)) error {
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	if !validName(fileName) {
		return fmt.Errorf("%w: %q", ErrName, fileName)
	}
	if !wire.ValidFieldValue(contentType) {
		return fmt.Errorf("%w: %q", ErrContentType, contentType)
	}
	fields := `; filename="` + encodeBrowser.Replace(fileName) + "\"\r\nContent-Type: " + contentType
	return e.add(name, fields, size, open)
}

// AddPath adds a file of the disk, under the last element of its path. It asks for the size now and opens the file later: a file that
// has another size by then ends the body with an error. contentType may be empty: what the name's extension says.
func (e *Encoder) AddPath(name, path, contentType string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	size := fi.Size()
	if !fi.Mode().IsRegular() {
		if fi.IsDir() {
			return fmt.Errorf("multipart: %s is a directory", path)
		}
		size = -1 // a pipe: read to its end
	}
	if contentType == "" {
		contentType = mime.TypeByExtension(filepath.Ext(path))
	}
	return e.AddFile(name, filepath.Base(path), contentType, size, func() (io.ReadCloser, error) { return os.Open(path) })
}

// encodeBrowser is what decodeBrowser undoes.
var encodeBrowser = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

func validName(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < ' ' && r != '\r' && r != '\n') || r == 0x7f
	})
}

func (e *Encoder) add(name, fields string, size int64, open func() (io.ReadCloser, error)) error {
	if !validName(name) {
		return fmt.Errorf("%w: %q", ErrName, name)
	}
	crlf := "\r\n"
	if len(e.parts) == 0 {
		crlf = ""
	}
	head := crlf + "--" + e.Boundary() + "\r\nContent-Disposition: form-data; name=\"" + encodeBrowser.Replace(name) + `"` + fields + "\r\n\r\n"
	e.parts = append(e.parts, outPart{head: head, size: size, open: open})
	return nil
}

// Boundary is what separates the parts: 60 hexadecimal digits of 240 random bits, drawn once for the Encoder.
func (e *Encoder) Boundary() string {
	if e.boundary == "" {
		var b [30]byte
		rand.Read(b[:]) // never fails
		e.boundary = hex.EncodeToString(b[:])
	}
	return e.boundary
}

// ContentType is the value of the Content-Type field.
func (e *Encoder) ContentType() string { return "multipart/form-data; boundary=" + e.Boundary() }

// end is the last delimiter. A form without parts is that line alone.
func (e *Encoder) end() string {
	if len(e.parts) == 0 {
		return "--" + e.Boundary() + "--\r\n"
	}
	return "\r\n--" + e.Boundary() + "--\r\n"
}

// ContentLength is the number of bytes of the body, or -1 if the size of a part is not known.
func (e *Encoder) ContentLength() int64 {
	n := int64(len(e.end()))
	for _, p := range e.parts {
		if p.size < 0 {
			return -1
		}
		n += int64(len(p.head)) + p.size
	}
	return n
}

// Body gives the form from its beginning. It never holds more than one open file; Close closes that. Errors of opening and reading
// a file end it, and so do a size that is not as it was, ErrSize or io.ErrUnexpectedEOF, and ErrBoundaryInData: what was sent of
// the form until then lacks its end, and is refused by who reads it.
func (e *Encoder) Body() io.ReadCloser {
	return &formBody{parts: e.parts, end: e.end(), guard: Parser{delimiter: []byte("\r\n--" + e.Boundary())}}
}

// NewRequest makes a request with the form as its body. It has GetBody, so redirects and retries send the form again.
func (e *Encoder) NewRequest(ctx context.Context, method, url string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", e.ContentType())
	req.ContentLength = e.ContentLength()
	req.GetBody = func() (io.ReadCloser, error) { return e.Body(), nil }
	req.Body, err = req.GetBody()
	return req, err
}
