package wire

import "time"

// ParseDate reads an HTTP-date in any of the three formats that a recipient has to
// take (RFC 9110 5.6.7): IMF-fixdate, and the obsolete ones of RFC 850 and of
// asctime. It is case-sensitive, checks that there is such a day, but not that it
// was that day of the week, and takes second 60. The year of RFC 850 has two digits:
// it is the one that is at most 50 years after now. It does not allocate.
func ParseDate[S string | []byte](s S, now time.Time) (t time.Time, ok bool) {
	switch {
	case len(s) == 29 && s[3] == ',':
		return parseFixdate(s)
	case len(s) == 24 && s[3] == ' ':
		return parseAsctime(s)
	case len(s) >= 30 && len(s) <= 33:
		return parseRFC850(s, now)
	}
	return time.Time{}, false
}

const (
	shortDays = "SunMonTueWedThuFriSat"
	months    = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

var longDays = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// parseFixdate reads "Sun, 06 Nov 1994 08:49:37 GMT".
func parseFixdate[S string | []byte](s S) (t time.Time, ok bool) {
	if third(shortDays, s[:3]) < 0 || s[4] != ' ' || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' || !isGMT(s[25:]) {
		return t, false
	}
	return dateOf(number(s[12:16]), third(months, s[8:11]), number(s[5:7]), s[17:25])
}

// parseAsctime reads "Sun Nov  6 08:49:37 1994".
func parseAsctime[S string | []byte](s S) (t time.Time, ok bool) {
	if third(shortDays, s[:3]) < 0 || s[7] != ' ' || s[10] != ' ' || s[19] != ' ' {
		return t, false
	}
	day := s[8:10]
	if day[0] == ' ' {
		day = day[1:]
	}
	return dateOf(number(s[20:24]), third(months, s[4:7]), number(day), s[11:19])
}

// parseRFC850 reads "Sunday, 06-Nov-94 08:49:37 GMT".
func parseRFC850[S string | []byte](s S, now time.Time) (t time.Time, ok bool) {
	n := 0
	for _, day := range longDays {
		if len(s) == len(day)+24 && string(s[:len(day)]) == day {
			n = len(day)
		}
	}
	if n == 0 {
		return t, false
	}
	s = s[n:]
	if s[0] != ',' || s[1] != ' ' || s[4] != '-' || s[8] != '-' || s[11] != ' ' || !isGMT(s[20:]) {
		return t, false
	}
	year := number(s[9:11])
	if year < 0 {
		return t, false
	}
	latest := now.UTC().AddDate(50, 0, 0)
	year += latest.Year() / 100 * 100
	t, ok = dateOf(year, third(months, s[5:8]), number(s[2:4]), s[12:20])
	if year > latest.Year() || ok && t.After(latest) || !ok && year%4 == 0 {
		// A 29th of February may be of the century before only.
		return dateOf(year-100, third(months, s[5:8]), number(s[2:4]), s[12:20])
	}
	return t, ok
}

// dateOf makes a time of numbers of which those that could not be read are negative.
func dateOf[S string | []byte](year, month, day int, clock S) (t time.Time, ok bool) {
	if clock[2] != ':' || clock[5] != ':' {
		return t, false
	}
	hour, minute, second := number(clock[:2]), number(clock[3:5]), number(clock[6:])
	if min(year, month, day-1, hour, minute, second) < 0 || hour > 23 || minute > 59 || second > 60 {
		return t, false
	}
	t = time.Date(year, time.Month(month+1), day, hour, minute, 0, 0, time.UTC)
	if t.Day() != day {
		return time.Time{}, false
	}
	return t.Add(time.Duration(second) * time.Second), true
}

func isGMT[S string | []byte](s S) bool { return string(s) == " GMT" }

// number reads decimal digits; -1 if there is anything else.
func number[S string | []byte](s S) int {
	n := 0
	for i := range len(s) {
		if chars[s[i]]&cDigit == 0 {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// third is the place of three letters in a list of such; -1 if it is not there.
func third[S string | []byte](list string, s S) int {
	for i := 0; i < len(list); i += 3 {
		if string(s) == list[i:i+3] {
			return i / 3
		}
	}
	return -1
}
