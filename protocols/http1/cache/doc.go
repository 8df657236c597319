// Package cache is a private HTTP cache (RFC 9111) for clients: an http.RoundTripper in front of any other.
//
// It is private: made for one user, who may see what was answered to him before. Answers to requests with Authorization are used
// only for requests with the same; nothing else, cookies above all, keeps users apart. A program that asks for several users has a
// Transport for each, or trusts the origin's Vary and no-store.
//
// Memory is bounded: all that is stored, and all that is being stored, by MaxBytes; above it what was used longest ago goes. A body
// streams to the caller as it comes, and is stored when it was read to its end.
package cache
