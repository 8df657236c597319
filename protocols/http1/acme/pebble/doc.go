// Package pebble tests package acme against Pebble, Let's Encrypt's test authority, in one process on loopback. It is a module
// of its own so that nobody who uses acme requires Pebble.
package pebble
