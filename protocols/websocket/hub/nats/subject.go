package nats

import (
	"encoding/base64"
	"strings"
)

// subject is a topic's: its name may have any bytes, a token of a subject only some.
func (b *Broker) subject(topic string) string {
	return b.cfg.Prefix + "." + base64.RawURLEncoding.EncodeToString([]byte(topic))
}

// name is the topic of a subject.
func (b *Broker) name(subject string) (string, bool) {
	token, ok := strings.CutPrefix(subject, b.cfg.Prefix+".")
	name, err := base64.RawURLEncoding.DecodeString(token)
	return string(name), ok && err == nil
}
