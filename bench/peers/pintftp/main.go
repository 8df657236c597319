// Command pintftp serves a folder by github.com/pin/tftp, as its own example does.
package main

import (
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/pin/tftp/v3"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:6969", "address")
	root := flag.String("root", ".", "folder")
	single := flag.Bool("single-port", false, "answer from the port that is listened on")
	flag.Parse()
	s := tftp.NewServer(func(name string, rf io.ReaderFrom) error {
		f, err := os.Open(filepath.Join(*root, filepath.Base(name)))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = rf.ReadFrom(f)
		return err
	}, func(string, io.WriterTo) error { return errors.New("read only") })
	s.SetTimeout(5 * time.Second)
	s.SetBlockSizeNegotiation(false) // else what a client asks for is cut to an MTU that it works out for each packet
	if *single {
		s.EnableSinglePort()
	}
	log.Fatal(s.ListenAndServe(*listen))
}
