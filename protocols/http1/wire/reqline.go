package wire

const (
	leGET    = 'G' | 'E'<<8 | 'T'<<16 | ' '<<24
	leHTTP11 = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '1'<<56
)

// takeLine takes a whole plain request line at b[0]: origin-form, no percent
// sign, HTTP/1.1. Like takeLines it never refuses; what it does not take, scanLine
// looks at again.
func (r *Request) takeLine(b []byte, maxTarget int) bool {
	if r.state != sStart {
		return false
	}
	i := 3
	if len(b) < 16 || le.Uint32(b) != leGET {
		i = skip(b, 0, cToken)
	}
	if i == 0 || i > maxMethodBytes || len(b)-i < 2 || b[i] != ' ' || b[i+1] != '/' || i == 7 && string(b[:7]) == "CONNECT" {
		return false
	}
	target := i + 1
	i = skip(b, target, cPlain)
	pathEnd, query := i, 0
	if i < len(b) && b[i] == '?' {
		query = i + 1
		i = skip(b, query, cQuery)
	}
	if len(b)-i < 11 || i-target > maxTarget || b[i] != ' ' || le.Uint64(b[i+1:]) != leHTTP11 || le.Uint16(b[i+9:]) != leCRLF {
		return false
	}
	r.methodEnd, r.target, r.version = int32(target-1), int32(target), int32(i+1)
	r.path, r.pathEnd, r.query = int32(target), int32(pathEnd), int32(query)
	r.state, r.pos, r.body.minor = sField, int32(i+11), 1
	return true
}

// versionPattern is HTTP-version (RFC 9112 2.3), with 0 for any digit.
const versionPattern = "HTTP/\x00.\x00"

// scanLine goes on with the request line (RFC 9112 3): exactly one SP between
// its parts, none behind, CRLF at its end. A recipient may take other white
// space too; then two of them see two targets.
func (r *Request) scanLine(b []byte, maxTarget int) (err *Error) {
	i := int(r.pos)
	switch r.state {
	case sStart, sLeadLF, sMethodStart, sMethod:
		if i, err = r.scanMethod(b, i); err != nil || r.state != sPath {
			break
		}
		fallthrough
	case sPath, sQuery:
		if i, err = r.scanTarget(b, i, maxTarget); err != nil || r.state != sVersion {
			break
		}
		fallthrough
	case sVersion:
		if i, err = r.scanVersion(b, i); err != nil || r.state != sLineLF {
			break
		}
		fallthrough
	case sLineLF:
		i, err = r.scanLineLF(b, i)
	}
	r.pos = int32(i)
	if err != nil || r.state != sField {
		return err
	}
	return r.lineDone(b)
}

// scanMethod goes on before or in the method, until the SP behind it.
func (r *Request) scanMethod(b []byte, i int) (int, *Error) {
	for ; i < len(b) && r.state < sMethod; i++ {
		switch c := b[i]; {
		case r.state == sLeadLF:
			if c != '\n' {
				return i, errBareCR
			}
			r.state = sMethodStart
		case c == '\r' && r.state == sStart:
			r.state = sLeadLF // RFC 9112 2.2: one empty line is ignored
		case chars[c]&cToken != 0:
			r.state, r.method = sMethod, int32(i)
			i-- // the method's own loop takes it
		case c == '\r':
			return i, errLeadingCRLF
		case c == '\n':
			return i, errBareLF
		case c == 0x16 && i == 0:
			return i, errTLS
		default:
			return i, errMethod
		}
	}
	if r.state != sMethod {
		return i, nil
	}
	i = skip(b, i, cToken)
	if i-int(r.method) > maxMethodBytes {
		return i, errMethodLong
	}
	if i == len(b) {
		return i, nil
	}
	switch b[i] {
	case ' ':
		r.methodEnd = int32(i)
		r.target = int32(i + 1)
		r.state = sPath
		return i + 1, nil
	case '\n':
		return i, errBareLF
	}
	return i, errMethod
}

// scanTarget goes on in the target, until the SP behind it.
func (r *Request) scanTarget(b []byte, i, maxTarget int) (int, *Error) {
	if r.state == sPath {
		i = skip(b, i, cPath)
		if i < len(b) && b[i] == '?' {
			i++
			r.state, r.query = sQuery, int32(i)
		}
	}
	if r.state == sQuery {
		i = skip(b, i, cQuery)
	}
	if i-int(r.target) > maxTarget {
		return i, errTargetTooLong
	}
	if i == len(b) {
		return i, nil
	}
	switch b[i] {
	case ' ':
		if i == int(r.target) {
			return i, errRequestLine // two SP, or no target
		}
		r.version = int32(i + 1)
		r.state = sVersion
		return i + 1, nil
	case '#':
		return i, errFragment
	case '\n':
		return i, errBareLF
	case '\r':
		return i, errNoVersion
	}
	return i, errTarget
}

// scanVersion goes on in the version, until the CR behind it.
func (r *Request) scanVersion(b []byte, i int) (int, *Error) {
	i, err := skipVersion(b, int(r.version), i)
	if err != nil || i == len(b) {
		return i, err
	}
	if b[i] != '\r' {
		if b[i] == '\n' {
			return i, errBareLF
		}
		return i, errVersion // HTTP/1.10, or a space behind it
	}
	r.state = sLineLF
	if r.body.minor, err = version(b[r.version:]); err != nil {
		return i, err
	}
	return i + 1, nil
}

// skipVersion checks bytes of a version that begins at b[start], from i on, and
// stops behind its eighth.
func skipVersion(b []byte, start, i int) (int, *Error) {
	for ; i < len(b) && i < start+len(versionPattern); i++ {
		switch want := versionPattern[i-start]; {
		case want != 0 && b[i] == want:
		case want == 0 && chars[b[i]]&cDigit != 0:
		case b[i] == '\n':
			return i, errBareLF
		default:
			return i, errVersion
		}
	}
	return i, nil
}

// version reads a complete version.
func version(v []byte) (minor uint8, err *Error) {
	if v[5] != '1' {
		return 0, errVersionMajor // RFC 9110 15.6.6; HTTP/2's preface too
	}
	if v[7] == '0' {
		return 0, nil
	}
	return 1, nil // RFC 9110 2.5: processed as the highest one known
}

func (r *Request) scanLineLF(b []byte, i int) (int, *Error) {
	if i == len(b) {
		return i, nil
	}
	if b[i] != '\n' {
		return i, errBareCR
	}
	r.state = sField
	return i + 1, nil
}

// lineDone takes the target of a complete request line apart.
func (r *Request) lineDone(b []byte) *Error {
	start, end := int(r.target), int(r.version)-1
	query := end
	if r.query > 0 {
		query = int(r.query) - 1
	}
	t, err := parseTarget(b[r.method:r.methodEnd], b[start:end], query-start)
	if err != nil {
		return err
	}
	r.form = t.form
	r.path, r.pathEnd = int32(start+t.path), int32(query)
	switch t.form {
	case AuthorityForm:
		r.authority, r.authorityEnd = int32(start), int32(end)
		r.pathEnd = r.path
	case AbsoluteForm:
		r.scheme = int32(start + t.scheme)
		r.authority, r.authorityEnd = int32(start+t.authority), int32(start+t.authorityEnd)
		if r.path == r.pathEnd && string(r.buf[r.method:r.methodEnd]) != "OPTIONS" {
			r.path = r.scheme + 2 // the second slash of "://" is as good as any
			r.pathEnd = r.path + 1
		}
	}
	return nil
}
