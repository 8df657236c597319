//go:build !unix

package relay

import "time"

// cpu is unknown here.
func cpu() time.Duration { return 0 }
