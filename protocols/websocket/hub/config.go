package hub

import (
	"errors"
	"math"

	"github.com/calandria-go/calandria/protocols/websocket"
)

// Config has a hub's limits. The zero value is safe; a negative value means unlimited, but for History, where it means none.
type Config struct {
	// History is how many messages a topic keeps for those who come later; 0: 64; negative: none.
	History int
	// HistoryBytes bounds their payloads, for each topic; 0: 256 KiB. In memory they take that twice, framed and as they were, and
	// once more for each compressed form in use.
	HistoryBytes int
	// MaxTopics bounds the topics; 0: 10,000. At the bound the topic without subscribers that was not used for longest makes room,
	// with its history; if all have subscribers, ErrTopics.
	MaxTopics int
	// MaxTopicBytes bounds the name of a topic; 0: 255.
	MaxTopicBytes int
	// MaxSubscriptions bounds the topics of one connection; 0: 64.
	MaxSubscriptions int
	// MaxUnsent is how many bytes a subscriber may have unsent before Slow is applied to it; 0: 256 KiB. It should be below
	// websocket.Config.MaxQueue, whose Overflow acts else.
	MaxUnsent int
	// Slow is what happens then: websocket.Drop has the subscriber miss the message, which Subscription.Missed counts; the
	// others close it. The zero value closes with 1013, so that a client comes back and asks for what it missed.
	Slow websocket.Overflow
	// MaxPending bounds the payloads that were published and not handed to all of a loop's subscribers, in bytes for each loop;
	// 0: 16 MiB. Above it Publish fails with ErrBusy.
	MaxPending int
	// Render makes what subscribers get of a message, so that its number can be part of it; nil: Data as it is. It is called once
	// for each message, with the topic locked: it must not block, or call the hub.
	Render func(m Message) []byte
	// Broker connects the hub with others; nil: it is alone.
	Broker Broker
	// OnLoss is told of messages of others that did not come, see Broker; nil: nobody is. It must not block.
	OnLoss func(Loss)
	// OnBroker is told when the connection to the others goes and comes; nil: nobody is. It must not block.
	OnBroker func(up bool, err error)
}

const (
	defaultHistory       = 64
	defaultHistoryBytes  = 256 << 10
	defaultTopics        = 10_000
	defaultTopicBytes    = 255
	defaultSubscriptions = 64
	defaultUnsent        = 256 << 10
	defaultPending       = 16 << 20
)

func (c Config) withDefaults() Config {
	if c.History < 0 {
		c.History = 0
	} else {
		c.History = or(c.History, defaultHistory)
	}
	c.HistoryBytes = or(c.HistoryBytes, defaultHistoryBytes)
	c.MaxTopics = or(c.MaxTopics, defaultTopics)
	c.MaxTopicBytes = or(c.MaxTopicBytes, defaultTopicBytes)
	c.MaxSubscriptions = or(c.MaxSubscriptions, defaultSubscriptions)
	c.MaxUnsent = or(c.MaxUnsent, defaultUnsent)
	c.MaxPending = or(c.MaxPending, defaultPending)
	return c
}

// or is v, def for zero, and as good as unlimited for a negative number.
func or(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return math.MaxInt
	}
	return v
}

// Errors of a hub.
var (
	// ErrClosed: the hub was closed.
	ErrClosed = errors.New("hub: closed")
	// ErrTopic: the name of a topic is empty or longer than Config.MaxTopicBytes.
	ErrTopic = errors.New("hub: bad name of a topic")
	// ErrTopics: there are Config.MaxTopics topics, all with subscribers.
	ErrTopics = errors.New("hub: too many topics")
	// ErrSubscriptions: the connection has Config.MaxSubscriptions.
	ErrSubscriptions = errors.New("hub: too many subscriptions of one connection")
	// ErrSubscribed: the connection has subscribed to the topic already.
	ErrSubscribed = errors.New("hub: subscribed already")
	// ErrBusy: a loop is behind by Config.MaxPending, so the message went nowhere.
	ErrBusy = errors.New("hub: subscribers' loops are behind")
	// ErrBroker: the message reached the subscribers here, and could not be given to the broker; the error has the reason.
	ErrBroker = errors.New("hub: not sent to other hubs")
	// ErrOpcode: only Text and Binary are messages.
	ErrOpcode = errors.New("hub: not the opcode of a message")
)
