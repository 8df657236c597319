// Package download gets a URL into a file: with resume, checksums, a rate limit, ranges in parallel, and retries.
//
// The bytes go to a partial file beside the target, Path + ".part", which is renamed when it is complete, synced and checked. Until
// then the target is as it was. What is there of a partial file, and which version of the resource it is of, stands in
// Path + ".part.json": it is written after the bytes are on the disk, so whatever ends the process, or the machine, what it says is
// true. A version is known by a strong validator (RFC 9110 section 8.8.1) and asked for with If-Range: of another version nothing is
// kept. A body that ends early is never a success.
//
// Memory is flat: 64 KiB for each connection.
package download
