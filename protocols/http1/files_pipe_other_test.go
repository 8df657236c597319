//go:build !unix

package http1_test

import "errors"

func makePipe(string) error { return errors.ErrUnsupported }
