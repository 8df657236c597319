package reactor

import (
	"math"
	"os"
	"strconv"
	"strings"
)

// memoryShare is the part of GOMEMLIMIT, or of the container's limit, that is the default of Config.MemoryLimit, in percent.
// The rest is for garbage, and for what is not the Go runtime's.
const memoryShare = 80

// defaultMemoryLimit derives the budget from the lesser of the two; 0 for none.
func defaultMemoryLimit(goLimit, container int64) int64 {
	limit := goLimit
	if container > 0 {
		limit = min(limit, container)
	}
	if limit <= 0 || limit == math.MaxInt64 {
		return 0
	}
	return limit / 100 * memoryShare
}

// cgroupLimit is the container's memory limit, as the process sees it at the root of its own hierarchy; 0 for none.
func cgroupLimit() int64 {
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		return parseCgroupLimit(string(b))
	}
	return 0
}

// parseCgroupLimit reads either file: "max", and in the older one a number that no machine has, are no limit.
func parseCgroupLimit(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n <= 0 || n >= 1<<60 {
		return 0
	}
	return n
}
