package sse

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Event is one event. The zero value is nothing.
type Event struct {
	// ID is what the client sends as Last-Event-ID when it comes back; empty: the last one holds. It has no CR, LF or NUL.
	ID string
	// Name is the type of the event; empty: message. It has no CR, LF or NUL.
	Name string
	// Data is any text; CR, LF and CR LF in it end lines, and are LF at the client. An event without data is not dispatched by a
	// client, though it takes notice of ID and Retry.
	Data string
	// Retry is the time after which a client whose connection ended comes back, in milliseconds on the wire; 0: nothing is
	// said.
	Retry time.Duration
}

// What is wrong with an Event.
var (
	// ErrID: the ID has CR, LF or NUL, and could be taken for another field, or is ignored.
	ErrID = errors.New("sse: event ID has CR, LF or NUL")
	// ErrName: the name has CR, LF or NUL.
	ErrName = errors.New("sse: event name has CR, LF or NUL")
	// ErrRetry: a negative time.
	ErrRetry = errors.New("sse: negative retry time")
)

// Append appends an event as it is sent. On an error nothing is appended.
func (e *Event) Append(dst []byte) ([]byte, error) {
	switch {
	case strings.ContainsAny(e.ID, "\r\n\x00"):
		return dst, ErrID
	case strings.ContainsAny(e.Name, "\r\n\x00"):
		return dst, ErrName
	case e.Retry < 0:
		return dst, ErrRetry
	}
	if e.Name != "" {
		dst = append(append(append(dst, "event: "...), e.Name...), '\n')
	}
	if e.ID != "" {
		dst = append(append(append(dst, "id: "...), e.ID...), '\n')
	}
	if e.Retry > 0 {
		dst = strconv.AppendInt(append(dst, "retry: "...), int64((e.Retry+time.Millisecond-1)/time.Millisecond), 10)
		dst = append(dst, '\n')
	}
	if e.Data != "" {
		dst = appendLines(dst, "data: ", e.Data)
	}
	return append(dst, '\n'), nil
}

// appendLines appends each line of text behind a prefix.
func appendLines(dst []byte, prefix, text string) []byte {
	for {
		i := strings.IndexAny(text, "\r\n")
		if i < 0 {
			return append(append(append(dst, prefix...), text...), '\n')
		}
		dst = append(append(append(dst, prefix...), text[:i]...), '\n')
		if strings.HasPrefix(text[i:], "\r\n") {
			i++
		}
		text = text[i+1:]
	}
}

// AppendComment appends a comment, which clients ignore.
func AppendComment(dst []byte, text string) []byte {
	return append(appendLines(dst, ": ", text), '\n')
}
