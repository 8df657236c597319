//go:build !linux

package tcp_test

const sharding = false
