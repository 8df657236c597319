package dashboard

import (
	"fmt"
	"slices"
)

const (
	// maxRows bounds the rows of a section, and maxCell the characters of a cell; what is beyond is cut off.
	maxRows = 50
	maxCell = 100
)

// Section is a table of somebody else's below the page's own: what a protocol above HTTP counts, say.
type Section struct {
	// Name is its heading.
	Name string
	// Columns are the headings of its columns.
	Columns []string
	// Rows gives its rows at each sample: for each column a string, a number, or what fmt prints well. It runs on the Dashboard's
	// goroutine, may wait as Reactor.Stats does, and should not take long: while it runs no sample is made. It must be safe to call
	// until Close has returned. 50 rows are shown at the most, and 100 characters of a string.
	Rows func() [][]any
}

// sectionRows is a section at one time, as the page gets it.
type sectionRows struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

// read asks a section; one that panics has a row that says so, since it must not end the process.
func (s *Section) read() (r sectionRows) {
	r = sectionRows{Name: s.Name, Columns: s.Columns}
	defer func() {
		if v := recover(); v != nil {
			r.Rows = [][]any{{"panic", cell(fmt.Sprint(v))}}
		}
	}()
	rows := s.Rows()
	for _, row := range rows[:min(len(rows), maxRows)] {
		row = slices.Clone(row[:min(len(row), len(s.Columns))])
		for i := range row {
			row[i] = cell(row[i])
		}
		r.Rows = append(r.Rows, row)
	}
	return r
}

// cell is a value that JSON can hold: a number as it is, all else as text.
func cell(v any) any {
	switch v := v.(type) {
	case int, int64, uint64, uint32, int32, Ratio:
		return v
	}
	s := []rune(fmt.Sprint(v))
	return string(s[:min(len(s), maxCell)])
}
