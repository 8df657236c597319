package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	std "mime/multipart"
	"net/textproto"
	"reflect"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/multipart"
)

// got is a part with its data.
type got struct {
	multipart.Part
	data string
}

// parse feeds pieces, and gives the parts that are complete.
func parse(boundary string, lim multipart.Limits, pieces ...string) (parts []got, err error) {
	p, err := multipart.NewParser(boundary, lim)
	if err != nil {
		return nil, err
	}
	var data []byte
	for _, s := range pieces {
		for b := []byte(s); ; {
			n, ev, d, err := p.Next(b)
			if err != nil {
				return parts, err
			}
			b = b[n:]
			switch ev {
			case multipart.PartBegin:
				data = nil
			case multipart.Data:
				if len(d) == 0 {
					return parts, errors.New("no data in Data")
				}
				data = append(data, d...)
			case multipart.PartEnd:
				parts = append(parts, got{p.Part(), string(data)})
			}
			if ev == multipart.More {
				if len(b) > 0 {
					return parts, errors.New("More, and bytes are left")
				}
				break
			}
		}
	}
	return parts, p.End()
}

const cd = "Content-Disposition: form-data; name=\"a\"\r\n\r\n"

func show(parts []got) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%s|%v|%s|%s|%q ", p.Name, p.IsFile, p.FileName, p.ContentType, p.data)
	}
	return strings.TrimSpace(b.String())
}

// bodies are forms with the boundary "b", what comes out of them, and what is wrong.
var bodies = []struct {
	name, in, want string
	err            error
}{
	{"one", "--b\r\n" + cd + "v\r\n--b--\r\n", `a|false|||"v"`, nil},
	{"no last CRLF", "--b\r\n" + cd + "v\r\n--b--", `a|false|||"v"`, nil},
	{"two", "--b\r\n" + cd + "v\r\n--b\r\n" + cd + "w\r\n--b--", `a|false|||"v" a|false|||"w"`, nil},
	{"none", "--b--\r\n", "", nil},
	{"empty value", "--b\r\n" + cd + "\r\n--b--", `a|false|||""`, nil},
	{"no value at all", "--b\r\n" + cd + "--b--", `a|false|||""`, nil},
	{"preamble and epilogue", "hello\r\n-\r\n--b\r\n" + cd + "v\r\n--b--\r\n\r\n--b\r\nbye", `a|false|||"v"`, nil},
	{"empty preamble", "\r\n--b\r\n" + cd + "v\r\n--b--", `a|false|||"v"`, nil},
	{"padding", "--b \t\r\n" + cd + "v\r\n--b \r\n" + cd + "w\r\n--b--\t \r\n", `a|false|||"v" a|false|||"w"`, nil},
	{"almost delimiters", "--b\r\n" + cd + "\r\r\n\r\n-\r\n--\r\n--c\r--b\n--b\r\n--b--", `a|false|||"\r\r\n\r\n-\r\n--\r\n--c\r--b\n--b"`, nil},
	{"delimiter after CR", "--b\r\n" + cd + "v\r\r\n--b--", `a|false|||"v\r"`, nil},
	{
		"file", "--b\r\nContent-Disposition: form-data; name=f; filename=\"x.png\"\r\ncontent-type: image/png\r\nX-Other: y\r\n\r\n\x00\xff\r\n--b--",
		`f|true|x.png|image/png|"\x00\xff"`, nil,
	},
	{"bare LF", "--b\n" + cd + "v\n--b--\n", "", multipart.ErrDelimiter},
	{"bare LF in the head", "--b\r\nContent-Disposition: form-data; name=a\n\nv\r\n--b--", "", multipart.ErrHead},
	{"bare LF before the first", "\n--b \r\n--b--", "", multipart.ErrDelimiter},
	{"boundary goes on", "--b\r\n" + cd + "v\r\n--bc\r\n--b--", "", multipart.ErrDelimiter},
	{"one dash", "--b\r\n" + cd + "v\r\n--b-\r\n", "", multipart.ErrDelimiter},
	{"after the last", "--b--x", "", multipart.ErrDelimiter},
	{"CR alone", "--b\rx", "", multipart.ErrDelimiter},
	{"too much padding", "--b" + strings.Repeat(" ", 300) + "\r\n", "", multipart.ErrDelimiter},
	{"cut: nothing", "", "", multipart.ErrTruncated},
	{"cut: preamble", "hello", "", multipart.ErrTruncated},
	{"cut: head", "--b\r\nContent-Disp", "", multipart.ErrTruncated},
	{"cut: data", "--b\r\n" + cd + "v\r\n--", "", multipart.ErrTruncated},
	{"cut: last line", "--b\r\n" + cd + "v\r\n--b-", "", multipart.ErrTruncated},
	{"cut: last CR", "--b\r\n" + cd + "v\r\n--b--\r", "", multipart.ErrTruncated},
	{"no head", "--b\r\n\r\nv\r\n--b--", "", multipart.ErrDisposition},
	{"no disposition", "--b\r\nContent-Type: text/plain\r\n\r\nv\r\n--b--", "", multipart.ErrDisposition},
	{"two dispositions", "--b\r\n" + cd[:len(cd)-2] + cd + "v\r\n--b--", "", multipart.ErrDisposition},
	{"attachment", "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nv\r\n--b--", "", multipart.ErrDisposition},
	{"no name", "--b\r\nContent-Disposition: form-data\r\n\r\nv\r\n--b--", "", multipart.ErrDisposition},
	{"folded", "--b\r\nX: a\r\n b\r\n" + cd + "v\r\n--b--", "", multipart.ErrHead},
	{"no colon", "--b\r\nhello\r\n\r\nv\r\n--b--", "", multipart.ErrHead},
	{"space before colon", "--b\r\nContent-Disposition : form-data; name=a\r\n\r\nv\r\n--b--", "", multipart.ErrHead},
	{"NUL", "--b\r\nX: \x00\r\n" + cd + "v\r\n--b--", "", multipart.ErrHead},
	{"base64", "--b\r\nContent-Transfer-Encoding: base64\r\n" + cd + "v\r\n--b--", "", multipart.ErrEncoding},
	{"binary", "--b\r\nContent-Transfer-Encoding: Binary\r\n" + cd + "v\r\n--b--", `a|false|||"v"`, nil},
	{"delimiter in the head", "--b\r\n--b\r\n" + cd + "v\r\n--b--", "", multipart.ErrHead},
}

func TestParser(t *testing.T) {
	for _, tt := range bodies {
		check := func(how string, pieces ...string) {
			t.Helper()
			parts, err := parse("b", multipart.Limits{}, pieces...)
			if !errors.Is(err, tt.err) || err == nil && tt.err != nil || tt.err == nil && show(parts) != tt.want {
				t.Errorf("%s, %s: %s, %v", tt.name, how, show(parts), err)
			}
		}
		check("whole", tt.in)
		for cut := range len(tt.in) + 1 {
			check(fmt.Sprint("cut at ", cut), tt.in[:cut], tt.in[cut:])
		}
		check("byte by byte", strings.Split(tt.in, "")...)
	}
}

func TestDisposition(t *testing.T) {
	for v, want := range map[string]string{
		`form-data; name="a"; filename="x.txt"`:                            "a|true|x.txt",
		`Form-Data;NAME=a;FileName=x.txt`:                                  "a|true|x.txt",
		`form-data; name="a b;c=d"; filename=""`:                           "a b;c=d|true|",
		`form-data; name=""`:                                               "|false|",
		`form-data; name="a%22b%0D%0Ac%20"`:                                "a\"b\r\nc%20|false|",
		`form-data; name="a\"b\\c\d"`:                                      `a"b\c\d|false|`,
		`form-data; name="a"; filename="C:\dir\x.txt"`:                     "a|true|x.txt",
		`form-data; name="a"; filename="../../etc/passwd"`:                 "a|true|passwd",
		`form-data; name="a"; filename="dir/"`:                             "a|true|",
		`form-data; name="a"; filename=".."`:                               "a|true|",
		`form-data; name="a"; filename="x:y?.txt"`:                         "a|true|x_y_.txt",
		`form-data; name="a"; filename="a%0D%0Ab%22c"`:                     "a|true|ab_c",
		"form-data; name=\"a\"; filename=\"a\u202egpj.exe\"":               "a|true|agpj.exe",
		"form-data; name=\"a\"; filename=\"\xff\xfe.txt\"":                 "a|true|__.txt",
		"form-data; name=\"ü\"; filename=\"日本.txt\"":                       "ü|true|日本.txt",
		`form-data; name="a"; filename*=UTF-8''evil.txt`:                   "a|false|",
		`form-data; filename*=UTF-8''x; name="a"; filename="y"`:            "a|true|y",
		`form-data; name="a"; x=y; size="3"`:                               "a|false|",
		`form-data; name=a `:                                               "a|false|",
		`form-data ; name=a;`:                                              "a|false|",
		`form-data; name="a"; filename="` + strings.Repeat("é", 200) + `"`: "a|true|" + strings.Repeat("é", 127),
	} {
		parts, err := parse("b", multipart.Limits{}, "--b\r\nContent-Disposition: "+v+"\r\n\r\n\r\n--b--")
		if err != nil {
			t.Errorf("%s: %v", v, err)
			continue
		}
		if p := parts[0]; fmt.Sprintf("%s|%v|%s", p.Name, p.IsFile, p.FileName) != want {
			t.Errorf("%s: %q %v %q", v, p.Name, p.IsFile, p.FileName)
		}
	}
	for _, v := range []string{
		`form-data; name`, `form-data; name="a`, `form-data; name="a"x`, `form-data; name=a; name=b`, `form-data; ="a"`, `form-data name=a`,
		`form-data; name=a; filename=x; filename=y`, `form-data; name=a b`, `form-data; name=`, `form-data;; name=a`, ``, `name=a`, `form-data; na me=a`,
	} {
		if _, err := parse("b", multipart.Limits{}, "--b\r\nContent-Disposition: "+v+"\r\n\r\n\r\n--b--"); !errors.Is(err, multipart.ErrDisposition) {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestBoundary(t *testing.T) {
	for v, want := range map[string]string{
		"multipart/form-data; boundary=abc":                              "abc",
		`Multipart/Form-Data; charset=utf-8; Boundary="a b'()+_,-./:=?"`: "a b'()+_,-./:=?",
		"multipart/form-data; boundary=" + strings.Repeat("x", 70):       strings.Repeat("x", 70),
	} {
		if b, err := multipart.Boundary(v); b != want || err != nil {
			t.Errorf("%s: %q, %v", v, b, err)
		}
	}
	for v, want := range map[string]error{
		"": multipart.ErrType, "text/plain": multipart.ErrType, "multipart/mixed; boundary=a": multipart.ErrType,
		"multipart/form-data": multipart.ErrBoundary, "multipart/form-data; boundary=": multipart.ErrBoundary,
		`multipart/form-data; boundary="a "`: multipart.ErrBoundary, `multipart/form-data; boundary="a*b"`: multipart.ErrBoundary,
		"multipart/form-data; boundary=" + strings.Repeat("x", 71): multipart.ErrBoundary,
		`multipart/form-data; boundary="a\"b"`:                     multipart.ErrBoundary,
	} {
		if _, err := multipart.Boundary(v); !errors.Is(err, want) {
			t.Errorf("%s: %v", v, err)
		}
	}
	if _, err := multipart.NewParser("\r\n", multipart.Limits{}); !errors.Is(err, multipart.ErrBoundary) {
		t.Error(err)
	}
}

func TestParserLimits(t *testing.T) {
	part := "--b\r\n" + cd + "v\r\n"
	for _, tt := range []struct {
		lim  multipart.Limits
		in   string
		want error
	}{
		{multipart.Limits{MaxParts: 2}, part + part + "--b--", nil},
		{multipart.Limits{MaxParts: 2}, part + part + part + "--b--", multipart.ErrTooManyParts},
		{multipart.Limits{}, strings.Repeat(part, 101) + "--b--", multipart.ErrTooManyParts},
		{multipart.Limits{MaxParts: -1}, strings.Repeat(part, 2000) + "--b--", nil},
		{multipart.Limits{MaxHeadBytes: len(cd)}, part + "--b--", nil},
		{multipart.Limits{MaxHeadBytes: len(cd) - 1}, part + "--b--", multipart.ErrHeadTooLarge},
		{multipart.Limits{}, "--b\r\nX: " + strings.Repeat("x", 10_000), multipart.ErrHeadTooLarge},
		{multipart.Limits{MaxHeadFields: 1}, part + "--b--", nil},
		{multipart.Limits{MaxHeadFields: 1}, "--b\r\nX: y\r\n" + cd + "v\r\n--b--", multipart.ErrHeadTooLarge},
	} {
		for _, pieces := range [][]string{{tt.in}, strings.Split(tt.in, "")} {
			if _, err := parse("b", tt.lim, pieces...); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("%+v, %.40q: %v", tt.lim, tt.in, err)
			}
		}
	}
}

// standard reads a form with mime/multipart.
func standard(in, boundary string) (parts []got, err error) {
	r := std.NewReader(strings.NewReader(in), boundary)
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return parts, err
		}
		parts = append(parts, got{multipart.Part{Name: p.FormName()}, string(data)})
	}
}

// TestStandardWriter: what mime/multipart writes comes out as it was.
func TestStandardWriter(t *testing.T) {
	var b bytes.Buffer
	w := std.NewWriter(&b)
	w.WriteField("plain", "value")
	w.WriteField("odd \"name\"\r\n", "\r\n--"+w.Boundary()[1:])
	f, _ := w.CreateFormFile("file", `a "b".txt`)
	f.Write(bytes.Repeat([]byte("\r\n--"), 1000))
	h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="x"`}, "Content-Type": {"application/json"}}
	f, _ = w.CreatePart(h)
	f.Write([]byte("{}"))
	w.Close()
	want := []got{
		{data: "value"}, {data: "\r\n--" + w.Boundary()[1:]}, {data: strings.Repeat("\r\n--", 1000)}, {data: "{}"},
	}
	for _, size := range []int{1, 3, 64, 1000, b.Len()} {
		var pieces []string
		for s := b.String(); s != ""; s = s[min(size, len(s)):] {
			pieces = append(pieces, s[:min(size, len(s))])
		}
		parts, err := parse(w.Boundary(), multipart.Limits{}, pieces...)
		if err != nil || len(parts) != len(want) {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		for i := range want {
			if parts[i].data != want[i].data {
				t.Errorf("pieces of %d, part %d: %.60q", size, i, parts[i].data)
			}
		}
		if parts[1].Name != "odd \"name\"\r\n" || parts[2].FileName != "a _b_.txt" || parts[3].ContentType != "application/json" {
			t.Errorf("%+v", parts)
		}
	}
}

// FuzzParser: cuts make no difference, and a form that is taken is one for mime/multipart, too, with the same data.
func FuzzParser(f *testing.F) {
	for _, tt := range bodies {
		f.Add(tt.in, len(tt.in)/2)
	}
	f.Fuzz(func(t *testing.T, in string, cut int) {
		cut = min(max(cut, 0), len(in))
		whole, werr := parse("b", multipart.Limits{}, in)
		parts, err := parse("b", multipart.Limits{}, in[:cut], in[cut:])
		if !errors.Is(err, werr) && err != werr || !reflect.DeepEqual(parts, whole) {
			t.Fatalf("%q cut at %d: %v, %v; whole: %v, %v", in, cut, parts, err, whole, werr)
		}
		if werr != nil {
			return
		}
		theirs, err := standard(in, "b")
		if err != nil || len(theirs) != len(whole) {
			t.Fatalf("%q: %d parts here, there %d, %v", in, len(whole), len(theirs), err)
		}
		for i := range theirs {
			if theirs[i].data != whole[i].data {
				t.Fatalf("%q: part %d is %q here, there %q", in, i, whole[i].data, theirs[i].data)
			}
		}
	})
}
