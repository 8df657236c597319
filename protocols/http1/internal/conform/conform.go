// Package conform is a conformance table for HTTP/1.1 servers, and the client
// that plays it over real connections.
//
// Every row is one conversation: the exact bytes a client sends, and what RFC
// 9110, RFC 9112 or plain defence against request smuggling says must come
// back, down to the state in which the connection is left. The package parses
// answers with a reader of its own, which is strict and shares no code with
// the server under test, so that one mistake cannot hide the other.
//
// The server under test offers these routes:
//
//	GET /            200, an HTML page
//	GET /plaintext   200, text/plain, "Hello, World!"
//	GET /json        200, application/json, {"message":"Hello, World!"}
//	POST /echo       200, the bytes of the request, in the request's framing
//	/sleep?ms=N      any method, 200 after N ms, 400 above 60000
//
// Anything else is a 404, and a wrong method on one of these a 405. Its limits
// are a head of 16 KiB, 100 fields, a target of 8 KiB and a body of 8 MiB.
//
// A row where the RFCs leave a choice lists every right answer. A row at level
// Security holds the server to a stricter rule than the RFCs: ambiguous input
// is refused with a 400 and a close, never repaired.
package conform

import "strings"

// Level says what stands behind a case.
type Level int

// The levels, in the order in which they are reported.
const (
	// Must is a requirement of an RFC ("MUST", or a grammar rule that a valid
	// message relies on).
	Must Level = iota
	// Should is a recommendation of an RFC ("SHOULD").
	Should
	// May is where an RFC leaves a choice: the case checks that the answer is
	// one of the right ones and that the connection stays in step.
	May
	// Security is an attack, or an ambiguity that attacks are made of.
	Security
)

// String returns the level's name in capitals, as the RFCs write it.
func (l Level) String() string {
	switch l {
	case Must:
		return "MUST"
	case Should:
		return "SHOULD"
	case May:
		return "MAY"
	case Security:
		return "SECURITY"
	}
	return "unknown"
}

// After is the state of the connection once the wanted answers were read.
type After int

const (
	// Open wants the connection to stay usable: the runner sends one more
	// request, whose answer must be the very next thing on the connection.
	// A smuggled request shows up here as one answer too many.
	Open After = iota
	// Closed wants a clean end of the stream (FIN, not a reset), with nothing
	// between it and the last answer.
	Closed
	// Either wants what the last answer announced: an end of the stream after
	// "Connection: close", a usable connection otherwise.
	Either
)

// Step is one thing that the client does. Exactly one field is set.
type Step struct {
	// Send is written to the connection.
	Send string
	// Await holds the client until one more answer was read, an interim
	// one included.
	Await bool
	// HalfClose shuts the sending side of the connection down.
	HalfClose bool
}

// Interim says what to make of a 100 (Continue) before an answer.
type Interim int

const (
	// NoInterim makes any 1xx before the answer a failure.
	NoInterim Interim = iota
	// MayContinue takes one 100 before the answer, or none.
	MayContinue
)

// Answer is what the client wants to read in answer to one request.
type Answer struct {
	// Status lists the status codes that are right. It is never empty.
	Status []int
	// Method is the request's method where it changes the framing of the
	// answer: HEAD. Empty otherwise.
	Method string
	// HTTP10 says that the request was an HTTP/1.0 one, whose answer can be
	// neither chunked nor interim and closes unless it says otherwise.
	HTTP10 bool
	// Interim says whether a 100 may come first.
	Interim Interim
	// Checks are further assertions on the answer.
	Checks []Check
}

// Case is one row of the table.
type Case struct {
	// Name starts with the number of the RFC and its section, and is unique:
	// "9112-2.2-bare-lf-request-line".
	Name string
	// Level says what stands behind the case.
	Level Level
	// Steps are what the client does, in order.
	Steps []Step
	// Want are the answers, in order.
	Want []Answer
	// Silent allows the server to close without giving the last answer. It is
	// used for requests that the client cut short (RFC 9112, section 8).
	Silent bool
	// Then is the state of the connection after the last answer.
	Then After
	// Cross, if set, compares the answers with each other.
	Cross func([]*Response) error
}

// Section returns the section that the case is named after, as it is cited:
// "RFC 9112, section 2.2".
func (c *Case) Section() string {
	rfc, rest, _ := strings.Cut(c.Name, "-")
	section, _, _ := strings.Cut(rest, "-")
	return "RFC " + rfc + ", section " + section
}

// Size returns the number of bytes that the case sends.
func (c *Case) Size() int {
	n := 0
	for _, s := range c.Steps {
		n += len(s.Send)
	}
	return n
}

// Cases returns the whole table, in a fixed order. The slice is the caller's.
func Cases() []Case {
	var all []Case
	for _, group := range []func() []Case{
		requestLineCases,
		targetCases,
		hostCases,
		fieldCases,
		framingCases,
		transferCases,
		chunkedCases,
		chunkAttackCases,
		connectionCases,
		halfCloseCases,
		expectCases,
		limitCases,
		bodyLimitCases,
		semanticCases,
		methodCases,
		pipelineCases,
		smugglingCases,
		garbageCases,
	} {
		all = append(all, group()...)
	}
	return all
}
