package smtp

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"os"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// Message is a mail to send. Fields that are text are checked: none but Text and HTML may have a line break or another control
// character. A Message must not be changed while it is sent or waits in a Queue.
type Message struct {
	// From is the author, "anna@example.com" or "Anna <anna@example.com>". It must be there.
	From string
	// To, Cc and Bcc are the recipients, each as From; at least one of all. Bcc is in no header.
	To, Cc, Bcc []string
	// ReplyTo is where answers should go; empty: From.
	ReplyTo []string
	// EnvelopeFrom is where reports of failed delivery go, an address alone; empty: From's.
	EnvelopeFrom string
	// Subject is what it is about, in any script.
	Subject string
	// Text and HTML are the body, as text/plain and text/html in UTF-8; with both the reader chooses. They are encoded, so lines
	// may have any length.
	Text, HTML string
	// Attachments go with it.
	Attachments []Attachment
	// Header has further fields, such as List-Unsubscribe. Those that the other fields of Message make cannot be among them.
	Header map[string][]string
	// Date is when it was written; the zero time: when it is sent.
	Date time.Time
	// MessageID is without brackets; empty: one is made, anew at every attempt of a Queue unless it is set.
	MessageID string
}

// Attachment is a file that goes with a Message, from a path or from memory.
type Attachment struct {
	// Name is the file's name for the reader; empty: that of Path.
	Name string
	// ContentType is its media type; empty: by the name's extension.
	ContentType string
	// Path is a file, which is read when the message is sent; Data is used if it is empty. Its encoded form is in memory for that
	// time, 1.4 times its size, one attachment after another.
	Path string
	// Data is the content.
	Data []byte
	// ContentID makes it part of the HTML body, which shows it by "cid:" and this; empty: it is an attachment.
	ContentID string
}

// reserved are the fields that a Message makes itself.
var reserved = map[string]bool{
	"From": true, "To": true, "Cc": true, "Bcc": true, "Reply-To": true, "Subject": true, "Date": true, "Message-Id": true,
	"Mime-Version": true, "Content-Type": true, "Content-Transfer-Encoding": true, "Return-Path": true, "Dkim-Signature": true,
}

// Check says whether the message can be sent: ErrInjection or ErrMessage, or nil. Files of attachments must be there. How much a
// message may have is the Client's to say.
func (m *Message) Check() error { return m.check(-1) }

func (m *Message) check(maxSize int64) error {
	_, err := m.envelope()
	if err != nil {
		return err
	}
	_, err = m.build(maxSize)
	return err
}

// envelope is whom the server is told of.
type envelope struct {
	from string
	to   []string
}

// envelope checks the addresses.
func (m *Message) envelope() (envelope, error) {
	var e envelope
	from, err := address("From", m.From)
	if err != nil {
		return e, err
	}
	e.from = from.Address
	if m.EnvelopeFrom != "" {
		if from, err = address("EnvelopeFrom", m.EnvelopeFrom); err != nil {
			return e, err
		}
		e.from = from.Address
	}
	for name, list := range map[string][]string{"To": m.To, "Cc": m.Cc, "Bcc": m.Bcc} {
		for _, text := range list {
			if _, err := address(name, text); err != nil {
				return e, err
			}
		}
	}
	seen := map[string]bool{}
	for _, list := range [][]string{m.To, m.Cc, m.Bcc} {
		for _, text := range list {
			to, _ := address("To", text)
			if !seen[to.Address] {
				seen[to.Address] = true
				e.to = append(e.to, to.Address)
			}
		}
	}
	if len(e.to) == 0 {
		return e, fmt.Errorf("%w: no recipients", ErrMessage)
	}
	return e, nil
}

// address reads one address, with or without a name.
func address(field, text string) (*netmail.Address, error) {
	if err := clean(field, text); err != nil {
		return nil, err
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %q is not an address", ErrMessage, field, text)
	}
	// What was quoted or encoded in it is plain now.
	for _, s := range []string{a.Name, a.Address} {
		if err := clean(field, s); err != nil {
			return nil, err
		}
	}
	if strings.ContainsAny(a.Address, "<> ") || len(a.Address) > 320 {
		return nil, fmt.Errorf("%w: %s: %q is not an address", ErrMessage, field, text)
	}
	return a, nil
}

// clean refuses control characters: C0, DEL, C1, and Unicode's own line breaks.
func clean(field, s string) error {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("%w: %s: %q", ErrInjection, field, s)
		}
	}
	return nil
}

// build makes the library's message, of at most maxSize bytes before they are encoded; negative: of any size.
func (m *Message) build(maxSize int64) (*mail.Msg, error) {
	for field, s := range map[string]string{"Subject": m.Subject, "MessageID": m.MessageID} {
		if err := clean(field, s); err != nil {
			return nil, err
		}
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := m.addresses(msg); err != nil {
		return nil, err
	}
	if m.Subject != "" {
		msg.Subject(m.Subject)
	}
	if m.Date.IsZero() {
		msg.SetDate()
	} else {
		msg.SetDateWithValue(m.Date)
	}
	if strings.ContainsAny(m.MessageID, "<> ") {
		return nil, fmt.Errorf("%w: MessageID: %q", ErrMessage, m.MessageID)
	}
	if m.MessageID != "" {
		msg.SetMessageIDWithValue(m.MessageID)
	} else {
		msg.SetMessageID()
	}
	if err := m.fields(msg); err != nil {
		return nil, err
	}
	switch {
	case m.HTML == "":
		msg.SetBodyString(mail.TypeTextPlain, m.Text)
	case m.Text == "":
		msg.SetBodyString(mail.TypeTextHTML, m.HTML)
	default:
		msg.SetBodyString(mail.TypeTextPlain, m.Text)
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	left := maxSize - m.size()
	for i := range m.Attachments {
		a := &m.Attachments[i]
		n, err := a.attach(msg)
		if err != nil {
			return nil, err
		}
		left -= n
	}
	if maxSize >= 0 && left < 0 {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrMessage, maxSize)
	}
	return msg, nil
}

func (m *Message) addresses(msg *mail.Msg) error {
	from, err := address("From", m.From)
	if err != nil {
		return err
	}
	msg.FromMailAddress(from)
	for _, f := range []struct {
		name string
		in   []string
		set  func(...*netmail.Address)
	}{{"To", m.To, msg.ToMailAddress}, {"Cc", m.Cc, msg.CcMailAddress}, {"ReplyTo", m.ReplyTo, msg.ReplyToMailAddress}} {
		var all []*netmail.Address
		for _, text := range f.in {
			a, err := address(f.name, text)
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		if len(all) > 0 {
			f.set(all...)
		}
	}
	return nil
}

// fields adds those of Header.
func (m *Message) fields(msg *mail.Msg) error {
	for name, values := range m.Header {
		if name == "" || strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) >= 0 {
			return fmt.Errorf("%w: a field's name: %q", ErrInjection, name)
		}
		if reserved[canonicalField(name)] || strings.HasPrefix(canonicalField(name), "Resent-") {
			return fmt.Errorf("%w: Header has %s, which the message makes itself", ErrMessage, name)
		}
		for _, v := range values {
			if err := clean(name, v); err != nil {
				return err
			}
		}
		if len(values) > 0 {
			msg.SetGenHeader(mail.Header(name), append([]string(nil), values...)...)
		}
	}
	return nil
}

// canonicalField is a name as in reserved.
func canonicalField(name string) string {
	parts := strings.Split(strings.ToLower(name), "-")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "-")
}

// attach adds a file, and says how long it is if it is not in memory.
func (a *Attachment) attach(msg *mail.Msg) (size int64, err error) {
	name := a.Name
	if name == "" {
		name = baseName(a.Path)
	}
	for field, s := range map[string]string{"Name": name, "ContentType": a.ContentType, "ContentID": a.ContentID} {
		if err := clean("an attachment's "+field, s); err != nil {
			return 0, err
		}
	}
	if name == "" || strings.ContainsAny(a.ContentID, "<> ") {
		return 0, fmt.Errorf("%w: an attachment without a name, or with brackets in its ContentID", ErrMessage)
	}
	options := []mail.FileOption{mail.WithFileName(name)}
	if a.ContentType != "" {
		if _, _, err := mime.ParseMediaType(a.ContentType); err != nil {
			return 0, fmt.Errorf("%w: attachment %s: content type %q: %v", ErrMessage, name, a.ContentType, err)
		}
		options = append(options, mail.WithFileContentType(mail.ContentType(a.ContentType)))
	}
	var file *mail.File
	if a.Path == "" {
		file = memoryFile(name, a.Data)
	} else {
		info, err := os.Stat(a.Path)
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a regular file", a.Path)
		}
		if err != nil {
			return 0, fmt.Errorf("%w: attachment: %w", ErrMessage, err)
		}
		size = info.Size()
		file = diskFile(name, a.Path, size)
	}
	for _, o := range options {
		o(file)
	}
	if a.ContentID == "" {
		msg.SetAttachments(append(msg.GetAttachments(), file))
		return size, nil
	}
	mail.WithFileContentID("<" + a.ContentID + ">")(file)
	msg.SetEmbeds(append(msg.GetEmbeds(), file))
	return size, nil
}

func memoryFile(name string, data []byte) *mail.File {
	return &mail.File{Name: name, Header: map[string][]string{}, Writer: func(w io.Writer) (int64, error) {
		return io.Copy(w, bytes.NewReader(data))
	}}
}

// diskFile is a file that has size bytes. One that has changed in the meantime is an error, not a longer message.
func diskFile(name, path string, size int64) *mail.File {
	return &mail.File{Name: name, Header: map[string][]string{}, Writer: func(w io.Writer) (int64, error) {
		f, err := os.Open(path)
		if err != nil {
			return 0, &fileError{err}
		}
		defer f.Close()
		n, err := io.Copy(w, &fileReader{io.LimitReader(f, size+1)})
		if err == nil && n != size {
			err = &fileError{fmt.Errorf("%s has changed while it was sent", path)}
		}
		return n, err
	}}
}

// fileReader marks the errors of reading, which are this side's.
type fileReader struct{ r io.Reader }

func (f *fileReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		err = &fileError{err}
	}
	return n, err
}

// fileError is that an attachment could not be read.
type fileError struct{ err error }

func (e *fileError) Error() string   { return e.err.Error() }
func (e *fileError) Unwrap() []error { return []error{ErrMessage, e.err} }

// baseName is the last part of a path, with either kind of slash.
func baseName(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

// size is about how many bytes a message holds in memory.
func (m *Message) size() int64 {
	n := 512 + len(m.From) + len(m.EnvelopeFrom) + len(m.Subject) + len(m.Text) + len(m.HTML) + len(m.MessageID)
	for _, list := range [][]string{m.To, m.Cc, m.Bcc, m.ReplyTo} {
		for _, s := range list {
			n += 16 + len(s)
		}
	}
	for name, values := range m.Header {
		n += 48 + len(name)
		for _, v := range values {
			n += 16 + len(v)
		}
	}
	for _, a := range m.Attachments {
		n += 96 + len(a.Name) + len(a.ContentType) + len(a.Path) + len(a.Data) + len(a.ContentID)
	}
	return int64(n)
}
