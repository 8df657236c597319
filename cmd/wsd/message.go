package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The messages of the chat are JSON objects, one for each WebSocket message; docs/wsd.md describes them.

// incoming is what a client sends.
type incoming struct {
	T     string `json:"t"`
	ID    string `json:"id"`
	Room  string `json:"room"`
	Name  string `json:"name"`
	Key   string `json:"key"`
	Text  string `json:"text"`
	Since *since `json:"since"`
}

// since says what a client has seen.
type since struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// outgoing is what a client gets, but for messages of the room.
type outgoing struct {
	T     string   `json:"t"`
	ID    string   `json:"id,omitempty"`
	Room  string   `json:"room,omitempty"`
	Name  string   `json:"name,omitempty"`
	Epoch string   `json:"epoch,omitempty"`
	Seq   uint64   `json:"seq,omitempty"`
	Count int      `json:"count,omitempty"`
	Gap   bool     `json:"gap,omitempty"`
	Names []string `json:"names,omitempty"`
	Text  string   `json:"text,omitempty"`
}

// said is a message of a room, as it is kept and as the other servers get it.
type said struct {
	ID   string `json:"id"`
	From string `json:"from"`
	At   int64  `json:"at"` // milliseconds since 1970
	Text string `json:"text"`
}

const (
	maxName = 32   // characters
	maxText = 4000 // characters
	maxID   = 64   // bytes
)

var roomName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

var (
	errRoom = errors.New("a room's name has 1 to 32 of a-z, 0-9 and -")
	errName = errors.New("a name has 1 to 32 printable characters")
	errText = errors.New("a text has 1 to 4000 characters")
	errJSON = errors.New("not a message of the chat")
)

// parseIncoming reads a message. One that is no object is a text that is said.
func parseIncoming(p []byte) (*incoming, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(p), []byte("{")) {
		return &incoming{T: "say", Text: string(p)}, nil
	}
	in := &incoming{}
	if err := json.Unmarshal(p, in); err != nil || len(in.ID) > maxID || len(in.Key) > maxID {
		return nil, errJSON
	}
	return in, nil
}

func cleanJoin(in *incoming) (room, name string, err error) {
	room = strings.ToLower(strings.TrimSpace(in.Room))
	name = strings.Join(strings.Fields(in.Name), " ")
	switch {
	case !roomName.MatchString(room):
		return "", "", errRoom
	case name == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", "", errName
	}
	return room, name, nil
}

func cleanText(s string) (string, error) {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
	if s == "" || utf8.RuneCountInString(s) > maxText {
		return "", errText
	}
	return s, nil
}

// saidID is the id of a message that is kept.
func saidID(data []byte) string {
	var m said
	json.Unmarshal(data, &m)
	return m.ID
}

func newID() string { return rand.Text()[:16] }
