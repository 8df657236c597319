package conform

import (
	"fmt"
	"strings"
)

// host is the Host field that valid requests carry.
const host = "Host: conform\r\n"

// smuggled follows what must be refused: its answer would be one too many.
// Its target differs from the one that the runner probes with.
const smuggled = "GET /json HTTP/1.1\r\n" + host + "\r\n"

// get is a request without a body; the fields come without their CRLF.
func get(target string, fields ...string) string {
	return request("GET", target, fields...)
}

// request is a whole head with a Host field.
func request(method, target string, fields ...string) string {
	return head(method+" "+target+" HTTP/1.1", append([]string{"Host: conform"}, fields...)...)
}

// head is a request line and field lines, as they are.
func head(line string, fields ...string) string {
	var b strings.Builder
	b.WriteString(line + "\r\n")
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// post sends body to /echo with its length.
func post(body string, fields ...string) string {
	return request("POST", "/echo", append(fields, lengthOf(body))...) + body
}

// lengthOf is the field that frames body.
func lengthOf(body string) string { return fmt.Sprintf("Content-Length: %d", len(body)) }

// chunked sends a raw chunked body to /echo.
func chunked(raw string, fields ...string) string {
	return request("POST", "/echo", append(fields, "Transfer-Encoding: chunked")...) + raw
}

// chunk frames data as one chunk.
func chunk(data string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }

// echoed is the answer of /echo.
func echoed(body string) Check { return bodyIs(body) }

func send(raw string) []Step { return []Step{{Send: raw}} }

// sendAndShut sends and then shuts the sending side down.
func sendAndShut(raw string) []Step { return []Step{{Send: raw}, {HalfClose: true}} }

func status(codes ...int) Answer { return Answer{Status: codes} }

// with returns the answer with more checks.
func (a Answer) with(checks ...Check) Answer {
	a.Checks = append(a.Checks[:len(a.Checks):len(a.Checks)], checks...)
	return a
}

// to returns the answer as one to that method.
func (a Answer) to(method string) Answer { a.Method = method; return a }

// old returns the answer as one to an HTTP/1.0 request.
func (a Answer) old() Answer { a.HTTP10 = true; return a }

// maybe100 returns the answer with an optional 100 before it.
func (a Answer) maybe100() Answer { a.Interim = MayContinue; return a }

// accept wants a 200 that passes the checks, on a connection that lives on.
func accept(l Level, name, raw string, checks ...Check) Case {
	return Case{
		Name: name, Level: l, Steps: send(raw),
		Want: []Answer{status(200).with(checks...)}, Then: Open,
	}
}

// refuse wants a 400 (or one of the codes), the word close, and the end of the
// stream, though a valid request follows on the heels of the bad one: bytes
// after a message of unknown extent belong to nobody.
func refuse(l Level, name, raw string, codes ...int) Case {
	c := refuseAlone(l, name, raw, codes...)
	c.Steps = send(raw + smuggled)
	return c
}

// refuseAlone is refuse with nothing after the bad request, so that the server
// has to notice by itself, not with the help of further bytes.
func refuseAlone(l Level, name, raw string, codes ...int) Case {
	if len(codes) == 0 {
		codes = []int{400}
	}
	return Case{
		Name: name, Level: l, Steps: send(raw),
		Want: []Answer{status(codes...).with(closes)}, Then: Closed,
	}
}

// either wants one of the codes, and the connection as the answer announced.
func either(l Level, name, raw string, codes []int, checks ...Check) Case {
	return Case{
		Name: name, Level: l, Steps: send(raw),
		Want: []Answer{status(codes...).with(checks...)}, Then: Either,
	}
}

// answers wants several answers in order on a connection that lives on.
func answers(l Level, name, raw string, want ...Answer) Case {
	return Case{Name: name, Level: l, Steps: send(raw), Want: want, Then: Open}
}

// at returns the case at another level.
func (c Case) at(l Level) Case { c.Level = l; return c }

// thenClosed returns the case with an end of the stream as its outcome.
func (c Case) thenClosed() Case { c.Then = Closed; return c }

// thenEither returns the case with the announced state as its outcome.
func (c Case) thenEither() Case { c.Then = Either; return c }

// to returns the case with its last answer read as one to that method.
func (c Case) to(method string) Case {
	c.Want[len(c.Want)-1].Method = method
	return c
}

// old returns the case with all answers read as answers to HTTP/1.0.
func (c Case) old() Case {
	for i := range c.Want {
		c.Want[i].HTTP10 = true
	}
	return c
}

// steps returns the case with other steps.
func (c Case) steps(s ...Step) Case { c.Steps = s; return c }

// cutShort wants a 400, or no answer at all, to a request that the client
// breaks off by shutting its side down (RFC 9112, section 8).
func cutShort(l Level, name, raw string) Case {
	return Case{
		Name: name, Level: l, Steps: sendAndShut(raw),
		Want: []Answer{status(400, 408)}, Silent: true, Then: Closed,
	}
}

// maybe100 returns the case with an optional 100 before its last answer.
func (c Case) maybe100() Case {
	c.Want[len(c.Want)-1].Interim = MayContinue
	return c
}
