package transfer_test

import (
	"fmt"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// A server reads a file to a client. Here the network is two loops, and no time passes.
func Example() {
	var client transfer.Receiver
	var server transfer.Sender
	now := time.Now()
	err := client.Get(nil, "motd", wire.Octet, &transfer.Options{BlockSize: 8, WindowSize: 2, Size: true})
	if err != nil {
		fmt.Println(err)
		return
	}

	file := []byte("Hello from the loop!")
	request, _ := wire.Parse(client.Next(now))
	server.Serve(nil, &request, int64(len(file)))

	var got []byte
	for server.Outcome() == transfer.Running {
		if n := server.Write(file); n > 0 {
			if file = file[n:]; len(file) == 0 {
				server.Finish()
			}
		}
		for p := server.Next(now); p != nil; p = server.Next(now) {
			data, last := client.Packet(p, now)
			got = append(got, data...)
			if last {
				client.Commit() // the file is where it belongs
			}
		}
		for p := client.Next(now); p != nil; p = client.Next(now) {
			server.Packet(p, now)
		}
	}
	fmt.Printf("%s\n%v, %d blocks of %d bytes\n", got, server.Outcome(), server.Stats().Blocks, server.Agreed().BlockSize)
	// Output:
	// Hello from the loop!
	// completed, 3 blocks of 8 bytes
}

// A packet from another port is answered, and the transfer does not notice.
func ExampleTID() {
	var tid transfer.TID[string]
	tid.Lock("192.0.2.1:2000")
	own, _ := tid.Check("192.0.2.1:2000", wire.AppendAck(nil, 7), nil)
	fmt.Println(own)
	own, reply := tid.Check("192.0.2.1:2001", wire.AppendAck(nil, 7), nil)
	fmt.Printf("%v %q\n", own, reply)
	// Output:
	// true
	// false "\x00\x05\x00\x05Unknown transfer ID\x00"
}
