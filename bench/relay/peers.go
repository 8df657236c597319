package main

import (
	_ "github.com/fatedier/frp/client"
	_ "github.com/fatedier/frp/server"
	_ "github.com/jpillora/chisel/client"
	_ "github.com/jpillora/chisel/server"
)

func main() {}
