package conform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Check is one assertion on an answer.
type Check func(*Response) error

// bodyIs wants exactly that body.
func bodyIs(want string) Check {
	return func(r *Response) error {
		if r.Body != want {
			return fmt.Errorf("body is %.60q (%d bytes), want %.60q (%d bytes)", r.Body, len(r.Body), want, len(want))
		}
		return nil
	}
}

// bodyHas wants the body to contain a string.
func bodyHas(want string) Check {
	return func(r *Response) error {
		if !strings.Contains(r.Body, want) {
			return fmt.Errorf("body %.60q lacks %q", r.Body, want)
		}
		return nil
	}
}

// field wants one field line of that name with exactly that value.
func field(name, want string) Check {
	return func(r *Response) error {
		if v := r.Values(name); len(v) != 1 || v[0] != want {
			return fmt.Errorf("%s is %q, want %q", name, v, want)
		}
		return nil
	}
}

// fieldStarts wants one field line of that name whose value starts so, in any
// letter case: media types carry parameters.
func fieldStarts(name, want string) Check {
	return func(r *Response) error {
		if v := r.Values(name); len(v) != 1 || !strings.HasPrefix(strings.ToLower(v[0]), want) {
			return fmt.Errorf("%s is %q, want %q", name, v, want)
		}
		return nil
	}
}

// has wants the list in the named field to hold each token.
func has(name string, tokens ...string) Check {
	return func(r *Response) error {
		for _, token := range tokens {
			if !r.Has(name, token) {
				return fmt.Errorf("%s is %q, want %q in it", name, r.Values(name), token)
			}
		}
		return nil
	}
}

// lacks wants the list in the named field not to hold the token.
func lacks(name, token string) Check {
	return func(r *Response) error {
		if r.Has(name, token) {
			return fmt.Errorf("%s is %q, which must not hold %q", name, r.Values(name), token)
		}
		return nil
	}
}

// present wants the field to be there.
func present(name string) Check {
	return func(r *Response) error {
		if len(r.Values(name)) == 0 {
			return fmt.Errorf("no %s", name)
		}
		return nil
	}
}

// absent wants the field not to be there.
func absent(name string) Check {
	return func(r *Response) error {
		if v := r.Values(name); len(v) > 0 {
			return fmt.Errorf("%s: %q must not be sent", name, v)
		}
		return nil
	}
}

// framed wants the body to be delimited that way.
func framed(want Framing) Check {
	return func(r *Response) error {
		if r.Framing != want {
			return fmt.Errorf("body is delimited by %q, want %q", r.Framing, want)
		}
		return nil
	}
}

// proto wants that version in the status line.
func proto(want string) Check {
	return func(r *Response) error {
		if r.Proto != want {
			return fmt.Errorf("version is %s, want %s", r.Proto, want)
		}
		return nil
	}
}

// on makes a check that holds only for one of several allowed status codes.
func on(status int, checks ...Check) Check {
	return func(r *Response) error {
		if r.Status != status {
			return nil
		}
		return runChecks(r, checks)
	}
}

func runChecks(r *Response, checks []Check) error {
	for _, check := range checks {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

// closes is what a server says before it closes on its own account (RFC 9112,
// section 9.6).
var closes = has("Connection", "close")

// hello and helloJSON are the answers of /plaintext and /json.
var (
	hello     = all(bodyIs("Hello, World!"), fieldStarts("Content-Type", "text/plain"))
	helloJSON = all(bodyIs(`{"message":"Hello, World!"}`), fieldStarts("Content-Type", "application/json"))
)

// all joins checks into one.
func all(checks ...Check) Check {
	return func(r *Response) error { return runChecks(r, checks) }
}

// judge holds an answer against what the case wants.
func (a *Answer) judge(r *Response) error {
	if !slices.Contains(a.Status, r.Status) {
		return fmt.Errorf("status %d, want %s", r.Status, statuses(a.Status))
	}
	return runChecks(r, a.Checks)
}

func statuses(codes []int) string {
	s := make([]string, len(codes))
	for i, c := range codes {
		s[i] = strconv.Itoa(c)
	}
	return strings.Join(s, " or ")
}
