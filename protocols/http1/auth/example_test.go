package auth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// A page for the users of an htpasswd file. bcrypt is slow by design: it runs off the loop, and not for each request.
func ExampleHtpasswd() {
	users, err := auth.ReadHtpasswd(strings.NewReader(htpasswd)) // a file's content
	if err != nil {
		fmt.Println(err)
		return
	}
	login, err := auth.Require(&auth.Basic{Realm: "staff", Verify: users.Verify, Blocking: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	page := http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(200, "text/plain", []byte("Hello "+auth.UserOf(x).Name))
	})

	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := reactor.New(reactor.Config{})
	r.Listen(ln, &http1.Server{Handler: login(page), DrainIdle: -1})
	defer r.Shutdown(context.Background())
	defer http.DefaultClient.CloseIdleConnections()

	for _, password := range []string{"wrong", "open sesame"} {
		req, _ := http.NewRequest("GET", "http://"+ln.Addr().String(), nil)
		req.SetBasicAuth("ada", password)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(res.StatusCode, strings.TrimSpace(string(body)), res.Header.Get("WWW-Authenticate"))
	}
	// Output:
	// 401 Unauthorized Basic realm="staff", charset="UTF-8"
	// 200 Hello ada
}

// Digest for those who can, Basic for the rest.
func ExampleRequire() {
	passwords := map[string]string{"ada": "open sesame"}
	login, err := auth.Require(
		&auth.Digest{Realm: "api", Users: auth.DigestPasswords("api", passwords)},
		&auth.Basic{Realm: "api", Verify: auth.Passwords(passwords)},
	)
	fmt.Println(login != nil, err)
	// Output: true <nil>
}
