package wire

// Request is the parsed head of one request, and the state of parsing it. The
// zero value is ready; after [Request.Reset] it is ready for the next head, with
// its field table kept. It costs about 220 bytes, and 16 more for each field
// line, at least 16 of them, from the first one on, and up to 64 for a Host;
// parsing allocates nothing else. It is not safe for concurrent use.
//
// Every slice that its methods return aliases the bytes last given to Parse and
// is valid while these are unchanged. The methods that tell about the head are
// meaningful once Parse has returned n > 0.
type Request struct {
	head
	method, methodEnd       int32
	target, version         int32 // version: where it begins, so target ends one before
	scheme                  int32 // end of it
	authority, authorityEnd int32
	path, pathEnd           int32
	query                   int32 // behind the '?', 0 if there is none
	form                    Form
	goodHost                []byte // the last Host that was found good: the next request's is the same, mostly
}

// keepHost bounds goodHost.
const keepHost = 64

// Reset makes r ready for the next head. It keeps the field table and lets go of
// the bytes.
func (r *Request) Reset() {
	f, h := r.fields, r.goodHost
	*r = Request{}
	r.fields, r.goodHost = f[:0], h
}

// Parse goes on with the head that starts at b[0]. Call it with what has come so
// far, and again with the same bytes and more; they may have moved in memory. It
// goes on where it was, so the work is proportional to the bytes, however small
// the pieces. A nil lim means the defaults.
//
// It returns n > 0 if the head is complete and valid, n bytes long, an ignored
// leading CRLF included; 0 and nil if it needs more; else an error, always an
// [*Error]. What is wrong is refused at the first byte that shows it, or, where
// a value must be whole to be judged, at the end of its line; a missing Host, an
// unknown transfer coding and a CONNECT with a body at the end of the head. The
// verdict does not depend on how the bytes were cut. After an error Parse
// repeats it until Reset; after a complete head it begins a new one.
func (r *Request) Parse(b []byte, lim *Limits) (n int, err error) {
	if lim == nil {
		lim = &defaultLimits
	}
	if r.state == sDone {
		r.Reset()
	}
	if r.err == nil {
		n, r.err = r.parse(b, lim)
	}
	if r.err != nil {
		return 0, r.err
	}
	return n, nil
}

func (r *Request) parse(b []byte, lim *Limits) (int, *Error) {
	r.buf = b
	maxHead := or(lim.MaxHeadBytes, defaultHeadBytes)
	if len(b) > maxHead {
		b = b[:maxHead]
	}
	if r.state < sField {
		maxTarget := or(lim.MaxTargetBytes, defaultTargetBytes)
		if !r.takeLine(b, maxTarget) {
			if err := r.scanLine(b, maxTarget); err != nil {
				return 0, err
			}
			if r.state < sField {
				return 0, r.more(b, maxHead)
			}
		}
	}
	maxFields := or(lim.MaxFields, defaultFields)
	for {
		var err *Error
		ev, k := r.takeLines(b, maxFields)
		if ev == eMore {
			ev, k, err = r.scan(b, maxFields)
		}
		switch ev {
		case eMore:
			return 0, r.more(b, maxHead)
		case eLine:
			err = r.note(k)
		case eDone:
			if err = r.finish(); err == nil {
				return int(r.pos), nil
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

// more says whether more bytes may come. A head of exactly the limit is over it
// unless it is complete.
func (r *Request) more(b []byte, maxHead int) *Error {
	switch {
	case len(b) < maxHead:
		return nil
	case r.state == sPath || r.state == sQuery:
		return errTargetTooLong // RFC 9112 3: a target longer than it wishes to parse
	}
	return errHeadTooLarge
}

// note takes a complete field of a known kind.
func (r *Request) note(k kind) *Error {
	last := len(r.fields) - 1
	_, v := r.Field(last)
	switch k {
	case kHost:
		if int(r.first[kHost]) != last+1 {
			return errHostRepeated // RFC 9112 3.2
		}
		// RFC 9110 7.2: empty if the target URI has no authority.
		if len(v) > 0 && string(v) != string(r.goodHost) {
			if _, ok := parseAuthority(v); !ok {
				return errHost
			}
			if len(v) <= keepHost {
				r.goodHost = append(r.goodHost[:0], v...)
			}
		}
	case kContentLength:
		return r.body.noteLength(v)
	case kTransferEncoding:
		return r.body.noteCoding(v)
	case kConnection:
		r.body.noteConnection(v)
	case kExpect:
		r.noteExpect(v)
	case kTE:
		if ContainsToken(v, "trailers") {
			r.body.flags |= fTrailers
		}
	}
	return nil
}

// noteExpect takes an Expect field: a list of expectations, of which one is
// defined (RFC 9110 10.1.1).
func (r *Request) noteExpect(v []byte) {
	for len(v) > 0 {
		var e []byte
		e, v = nextElement(v)
		switch {
		case equalFold(e, "100-continue"):
			r.body.flags |= fContinue
		case len(e) > 0:
			r.body.flags |= fOtherExpect
		}
	}
}

// finish checks what can only be known at the end of the head.
func (r *Request) finish() *Error {
	if r.first[kHost] == 0 && r.body.minor > 0 {
		return errHostMissing // RFC 9112 3.2
	}
	if err := r.body.codings(); err != nil {
		return err
	}
	if r.form == AuthorityForm && r.HasBody() {
		return errConnectBody
	}
	return nil
}

// Method returns the method; its letter case counts (RFC 9110 9.1).
func (r *Request) Method() []byte { return r.buf[r.method:r.methodEnd:r.methodEnd] }

// Target returns the request target as it was sent.
func (r *Request) Target() []byte { return r.buf[r.target : r.version-1 : r.version-1] }

// Form returns the form of the target (RFC 9112 3.2).
func (r *Request) Form() Form { return r.form }

// Path returns the path as it was sent, percent-encoded: "*" for asterisk-form,
// nothing for authority-form. An absolute-form target without a path has the
// path "/" (RFC 9110 4.2.3), but with OPTIONS none, as it then means the server
// itself like "*" (RFC 9112 3.2.4).
func (r *Request) Path() []byte { return r.buf[r.path:r.pathEnd:r.pathEnd] }

// RawQuery returns what stands behind the first '?', as it was sent; nil if
// there is no '?'.
func (r *Request) RawQuery() []byte {
	if r.query == 0 {
		return nil
	}
	return r.buf[r.query : r.version-1 : r.version-1]
}

// Scheme returns the scheme of an absolute-form target, as it was sent; else
// nothing.
func (r *Request) Scheme() []byte {
	if r.scheme == 0 {
		return nil
	}
	return r.buf[r.target:r.scheme:r.scheme]
}

// Authority returns whom the request is for: the authority of an absolute-form
// or authority-form target, which overrides the Host field (RFC 9112 3.2.2, 3.3),
// else Host.
func (r *Request) Authority() []byte {
	if r.authorityEnd > 0 {
		return r.buf[r.authority:r.authorityEnd:r.authorityEnd]
	}
	return r.Host()
}

// Host returns the value of the Host field, perhaps empty; nil if there is none.
func (r *Request) Host() []byte {
	v, _ := r.Get("Host")
	return v
}

// HasBody reports whether a body of at least one byte, or a chunked one,
// follows (RFC 9112 6.3).
func (r *Request) HasBody() bool { return r.Chunked() || r.body.length > 0 }

// Expect100 reports whether the client waits for 100 (Continue) before it sends
// the body. In HTTP/1.0 that expectation is ignored (RFC 9110 10.1.1).
func (r *Request) Expect100() bool { return r.body.has(fContinue) && r.body.minor > 0 }

// ExpectOther reports whether there is any other expectation, to which 417
// answers (RFC 9110 10.1.1).
func (r *Request) ExpectOther() bool { return r.body.has(fOtherExpect) }

// Upgrade reports whether the client asks for an upgrade: HTTP/1.1, with an
// Upgrade field and the connection option upgrade (RFC 9110 7.8).
func (r *Request) Upgrade() bool {
	return r.body.has(fUpgradeToken) && r.first[kUpgrade] != 0 && r.body.minor > 0
}

// AcceptsTrailers reports whether the client said that it will not drop trailer
// fields of the response (TE: trailers, RFC 9110 10.1.4).
func (r *Request) AcceptsTrailers() bool { return r.body.has(fTrailers) }
