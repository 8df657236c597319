package download_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/download"
)

const (
	md5Zero    = "d41d8cd98f00b204e9800998ecf8427e"
	sha256Zero = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// lists are checksum lists, and the names that come out.
var lists = []struct {
	name, in, want string
	bad            bool
}{
	{"nothing", "", "", false},
	{"text", sha256Zero + "  a b.txt\n", "sha256 a b.txt", false},
	{"binary, without a last line end", md5Zero + " *a.txt", "md5 a.txt", false},
	{"two spaces belong to the name", md5Zero + "   a.txt", "md5  a.txt", false},
	{"upper case, CRLF, empty lines, remarks, a BOM", "\ufeff# sums\r\n\r\n" + strings.ToUpper(sha256Zero) + "  a\r\n", "sha256 a", false},
	{"escaped", `\` + md5Zero + `  a\\b\nc\rd`, "md5 a\\b\nc\rd", false},
	{"not escaped", md5Zero + `  a\nb`, `md5 a\nb`, false},
	{"BSD", "SHA256 (a) b.txt) = " + sha256Zero + "\nMD5 (c) = " + md5Zero, "sha256 a) b.txt|md5 c", false},
	{"BSD, with a dash", "SHA-256 (a) = " + sha256Zero, "sha256 a", false},
	{"alone", sha256Zero + "\n", "sha256 ", false},
	{"bad escape", `\` + md5Zero + `  a\x`, "", true},
	{"escape at the end", `\` + md5Zero + `  a\`, "", true},
	{"one space", md5Zero + " a", "", true},
	{"no name", md5Zero + "  ", "", true},
	{"not hexadecimal", strings.Repeat("x", 32) + "  a", "", true},
	{"of no known length", "abcd  a", "", true},
	{"BSD, of another length", "SHA256 (a) = " + md5Zero, "", true},
	{"BSD, cut", "SHA256 (a) =", "", true},
	{"a page", "<html>\n<body>", "", true},
	{"a long line", md5Zero + "  " + strings.Repeat("a", 20_000), "", true},
	{"a long list", strings.Repeat(md5Zero+"  a\n", 130_000), "", true},
}

func TestParseSums(t *testing.T) {
	for _, tt := range lists {
		sums, err := download.ParseSums(strings.NewReader(tt.in))
		if (err != nil) != tt.bad || tt.bad && !errors.Is(err, download.ErrSum) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, s := range sums {
			got = append(got, s.Algorithm+" "+s.Name)
		}
		if s := strings.Join(got, "|"); !tt.bad && s != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, s, tt.want)
		}
	}
}

func TestParseSum(t *testing.T) {
	for s, want := range map[string]string{md5Zero: "md5", "sha256:" + sha256Zero: "sha256", "SHA-256:" + sha256Zero: "sha256", strings.Repeat("ab", 20): "sha1", strings.Repeat("ab", 64): "sha512", strings.Repeat("ab", 48): "sha384"} {
		if sum, err := download.ParseSum(s); err != nil || sum.Algorithm != want {
			t.Errorf("%s: %+v, %v", s, sum, err)
		}
	}
	for _, s := range []string{"", "abc", "md5:" + sha256Zero, "crc:" + md5Zero, sha256Zero + " "} {
		if sum, err := download.ParseSum(s); !errors.Is(err, download.ErrSum) {
			t.Errorf("%s: %+v, %v", s, sum, err)
		}
	}
}

// TestSumsFor: names match whole, or not at all.
func TestSumsFor(t *testing.T) {
	list, err := download.ParseSums(strings.NewReader(md5Zero + "  a\n" + sha256Zero + "  ./a\n" + sha256Zero + "  dir/b\n" + md5Zero + "  c\n" +
		strings.Repeat("00", 16) + "  c\n" + md5Zero + "  d\n" + md5Zero + "  d\n" + md5Zero + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"a": "md5 sha256", "dir/b": "sha256", "d": "md5", "b": download.ErrNoSum, "A": download.ErrNoSum, "": download.ErrNoSum, "x/a": download.ErrNoSum,
		"../a": download.ErrNoSum, "c": download.ErrAmbiguous,
	} {
		sums, err := download.SumsFor(list, name)
		var got []string
		for _, s := range sums {
			got = append(got, s.Algorithm)
		}
		if e, ok := want.(error); ok {
			if !errors.Is(err, e) {
				t.Errorf("%q: %v, %v", name, got, err)
			}
		} else if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	alone, _ := download.ParseSums(strings.NewReader(sha256Zero))
	if sums, err := download.SumsFor(alone, "whatever"); err != nil || !reflect.DeepEqual(sums, alone) {
		t.Error(sums, err)
	}
}

// TestCoreutils: what md5sum and sha256sum write is read, of names that they have to escape, too.
func TestCoreutils(t *testing.T) {
	dir := t.TempDir()
	names := []string{"plain", " space", "back\\slash", "new\nline", "cr\r", "(a) = b", "*star"}
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Skip("names like these are not possible here: ", err)
		}
	}
	for _, args := range [][]string{{"md5sum"}, {"sha256sum"}, {"sha512sum", "-b"}, {"sha256sum", "--tag"}, {"md5sum", "--tag"}} {
		if _, err := exec.LookPath(args[0]); err != nil {
			t.Skip("no ", args[0])
		}
		cmd := exec.Command(args[0], append(append(args[1:], "--"), names...)...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Skip(args, " is another one here: ", err)
		}
		list, err := download.ParseSums(strings.NewReader(string(out)))
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		for _, n := range names {
			if sums, err := download.SumsFor(list, n); err != nil || len(sums) != 1 {
				t.Errorf("%v: %q: %v\n%s", args, n, err, out)
			}
		}
	}
}

// FuzzParseSums: nothing but sums comes out, each of a line.
func FuzzParseSums(f *testing.F) {
	for _, tt := range lists[:15] {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		sums, err := download.ParseSums(strings.NewReader(in))
		if err != nil {
			return
		}
		if len(sums) > strings.Count(in, "\n")+1 {
			t.Fatal(len(sums))
		}
		for _, s := range sums {
			if again, err := download.ParseSum(s.Algorithm + ":" + hexOf(s.Sum)); err != nil || again.Algorithm != s.Algorithm {
				t.Fatalf("%+v, %v", s, err)
			}
		}
	})
}
