package hub

import (
	"github.com/calandria-go/calandria/protocols/websocket"
)

// Broker carries messages between the hubs of several processes. It delivers each message once at most, those of one hub to
// one topic in their order, and tells of what did not come. Its methods are called by any goroutine, loops included, and must
// not block: what takes time is queued, with a bound.
type Broker interface {
	// Start is called once, first. It may connect, and block.
	Start(to Receiver) error
	// Subscribe asks for what other hubs publish to a topic, from now on.
	Subscribe(topic string) error
	// Unsubscribe ends that.
	Unsubscribe(topic string) error
	// Publish sends to the other hubs, and not back. data is the broker's from now on and must not be changed.
	Publish(topic string, op websocket.Opcode, data []byte) error
	// Close ends it. It may block.
	Close() error
}

// Receiver is what a Broker tells of the other hubs; the hub is one. Its methods do not block. They are called one at a time.
type Receiver interface {
	// Receive gives a message. data is the hub's from now on.
	Receive(topic string, op websocket.Opcode, data []byte)
	// Lost tells of messages that did not come.
	Lost(Loss)
	// Up tells that the connection to the others has gone, with the reason, and that it is there again.
	Up(up bool, err error)
}

// Loss is what a Broker knows of messages that did not come.
type Loss struct {
	// Topic is the one that they were published to; empty: any.
	Topic string
	// From names the hub that published them, as the broker calls it; empty: any.
	From string
	// Count is how many there were; 0: unknown, perhaps none. A broker that was cut off says so when it is back, and counts when
	// the next message of each hub shows what is missing.
	Count uint64
}
