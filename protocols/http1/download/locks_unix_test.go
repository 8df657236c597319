//go:build unix

package download_test

const locks = true
