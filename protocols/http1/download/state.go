package download

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// state is what Path + ".part.json" says: which version the partial file is of, and which of its bytes are there.
type state struct {
	version
	spans []*span
}

// stateFile is its form on the disk. The URL may have a password in it, and is there as its sum.
type stateFile struct {
	Format       int        `json:"format"`
	URL          string     `json:"url_sha256"`
	ETag         string     `json:"etag,omitempty"`
	LastModified string     `json:"last_modified,omitempty"`
	Date         string     `json:"date,omitempty"`
	Size         int64      `json:"size"`  // -1: not known
	Spans        [][3]int64 `json:"spans"` // from, how far, end (-1: not known)
}

const (
	stateFormat   = 1
	maxStateBytes = 64 << 10
	maxSpans      = 64
)

func urlSum(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:])
}

func (s *state) encode(url string) []byte {
	f := stateFile{Format: stateFormat, URL: urlSum(url), ETag: s.etag, LastModified: s.modified, Date: s.date, Size: s.size}
	for _, sp := range s.spans {
		f.Spans = append(f.Spans, [3]int64{sp.begin, sp.at.Load(), sp.end})
	}
	text, _ := json.Marshal(f) // strings and numbers: it cannot fail
	return append(text, '\n')
}

// decodeState reads it. What does not hang together is as good as nothing: the download begins anew.
func decodeState(text []byte, url string, have int64) (*state, bool) {
	var f stateFile
	if len(text) > maxStateBytes || json.Unmarshal(text, &f) != nil || f.Format != stateFormat || f.URL != urlSum(url) ||
		len(f.Spans) == 0 || len(f.Spans) > maxSpans || f.Size < -1 {
		return nil, false
	}
	s := &state{version: version{size: f.Size, etag: f.ETag, modified: f.LastModified, date: f.Date}}
	next := int64(0)
	for i, v := range f.Spans {
		begin, at, end := v[0], v[1], v[2]
		last := i == len(f.Spans)-1
		if begin != next || at < begin || at > have && at > begin {
			return nil, false
		}
		if end < 0 {
			if !last || f.Size >= 0 {
				return nil, false
			}
			end = -1
		} else if at > end || last && end != f.Size {
			return nil, false
		}
		sp := &span{begin: begin, end: end}
		sp.at.Store(at)
		s.spans = append(s.spans, sp)
		next = end
	}
	return s, s.strong() != ""
}
