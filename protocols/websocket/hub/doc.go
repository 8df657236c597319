// Package hub sends messages to many WebSockets: topics with subscribers, presence, history, and other machines behind a
// [Broker].
//
// # One message, many connections
//
// [Hub.Publish] frames a message once, and once more for each size of window that connections compress with; all queues refer
// to the same bytes. A publish posts once to each loop that has subscribers, not once to each connection, and a loop that has
// many sends in turns, so that others of it are not held up.
//
// # Order
//
// The messages of a topic have numbers, and every subscriber gets them in that order: those of one publisher in the order of
// its calls. A subscriber that comes back with the last number that it has seen gets what it missed, as far as that is kept.
//
// # Bounds
//
// Topics, their history, the subscriptions of a connection, what a subscriber has unsent, and what a loop has not handed over
// are all bounded by [Config]. A subscriber that reads too slowly is closed, or misses messages, by [Config].Slow; the others do
// not notice.
//
// # Machines
//
// Without a Broker a hub is this process's. With one, messages go to the hubs of other processes too: see package hub/nats.
package hub
