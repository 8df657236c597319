package smtp_test

import (
	"context"
	"fmt"
	"net"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/calandria-go/calandria/reactor"
)

func ExampleSend() {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			script{}.with().serve(c)
		}
	}()

	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	err = smtp.Send(context.Background(), r, "smtp://"+ln.Addr().String()+"?tls=none", &smtp.Message{
		From: "Anna <anna@example.com>", To: []string{"bob@example.com"}, Subject: "hello", Text: "Hello, Bob.\n",
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleMessage_Check() {
	m := &smtp.Message{From: "anna@example.com", To: []string{"bob@example.com"}, Subject: "hello\r\nBcc: evil@example.com"}
	fmt.Println(m.Check())
	// Output: smtp: a control character where none may be: Subject: "hello\r\nBcc: evil@example.com"
}
