package proxy

// Kept counts the headers that HeaderOf knows.
func Kept() (n int) {
	kept.Range(func(any, any) bool { n++; return true })
	return n
}
