// Command relay compares this project's relay with frp and chisel, on one machine in one go: each relay and each agent is a
// process of its own, whose CPU time is what the kernel has counted for it when it ends.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fatedier/frp/client"
	"github.com/fatedier/frp/pkg/config"
	"github.com/fatedier/frp/pkg/config/source"
	"github.com/fatedier/frp/pkg/util/log"
	"github.com/fatedier/frp/server"
	chclient "github.com/jpillora/chisel/client"
	chserver "github.com/jpillora/chisel/server"
)

// roles are what this program is started as by itself: relay and agent of each peer.
var roles = map[string]func(args []string) error{
	"frps": func(args []string) error {
		log.InitLogger("console", "error", 1, true)
		cfg, _, err := config.LoadServerConfig(args[0], true)
		if err != nil {
			return err
		}
		svr, err := server.NewService(cfg)
		if err != nil {
			return err
		}
		svr.Run(context.Background())
		return nil
	},
	"frpc": func(args []string) error {
		log.InitLogger("console", "error", 1, true)
		res, err := config.LoadClientConfigResult(args[0], true)
		if err != nil {
			return err
		}
		src := source.NewConfigSource()
		if err := src.ReplaceAll(res.Proxies, res.Visitors); err != nil {
			return err
		}
		svc, err := client.NewService(client.ServiceOptions{Common: res.Common, ConfigSourceAggregator: source.NewAggregator(src)})
		if err != nil {
			return err
		}
		return svc.Run(context.Background())
	},
	"chisels": func(args []string) error {
		s, err := chserver.NewServer(&chserver.Config{Auth: "u:p", Reverse: true})
		if err != nil {
			return err
		}
		host, port, _ := strings.Cut(args[0], ":")
		if err := s.Start(host, port); err != nil {
			return err
		}
		return s.Wait()
	},
	"chiselc": func(args []string) error {
		c, err := chclient.NewClient(&chclient.Config{
			Auth: "u:p", Server: "http://" + args[0], Remotes: []string{"R:" + args[1] + ":" + args[2]}, MaxRetryInterval: time.Second,
		})
		if err != nil {
			return err
		}
		if err := c.Start(context.Background()); err != nil {
			return err
		}
		return c.Wait()
	},
}

// frpConfig writes the two files of frp.
func frpConfig(dir, transport, agents, public, target string) (server, client string, err error) {
	host, port, _ := strings.Cut(agents, ":")
	_, publicPort, _ := strings.Cut(public, ":")
	targetHost, targetPort, _ := strings.Cut(target, ":")
	server, client = dir+"/frps.toml", dir+"/frpc.toml"
	err = os.WriteFile(server, fmt.Appendf(nil, "bindAddr = %q\nbindPort = %s\nproxyBindAddr = \"127.0.0.1\"\nauth.token = \"t\"\n", host, port), 0o600)
	if err != nil {
		return
	}
	err = os.WriteFile(client, fmt.Appendf(nil, `serverAddr = %q
serverPort = %s
auth.token = "t"
transport.protocol = %q
transport.tls.enable = false

[[proxies]]
name = "x"
type = "tcp"
localIP = %q
localPort = %s
remotePort = %s
`, host, port, transport, targetHost, targetPort, publicPort), 0o600)
	return
}
