package lint

import (
	"fmt"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// limitStructs are the structs with a section of limits in docs/limits.md or in the page of their package, "## reactor.Config"
// and so on.
var limitStructs = map[string][]string{
	"reactor":                             {"Config", "ListenLimits", "DialOptions", "PacketOptions"},
	"transports/tcp":                      {"Config", "KeepAlive", "Dialer"},
	"transports/unix":                     {"Config", "Dialer"},
	"transports/udp":                      {"Config"},
	"protocols/tftp":                      {"Server", "Files", "Origin", "Client"},
	"protocols/tftp/transfer":             {"Config"},
	"transports/tls":                      {"Server", "Client", "Dialer", "StoreConfig"},
	"transports/proxy":                    {"Protocol", "SOCKS5"},
	"transports/resolve":                  {"Resolver", "Dialer"},
	"protocols/smtp":                      {"Client", "Queue"},
	"transports/netaddr":                  {"ParseConfig", "ListConfig"},
	"transports/inherit":                  {"Successor"},
	"protocols/http1":                     {"Server", "FilesConfig", "Client", "ClientConn", "ConnectDialer", "Proxy"},
	"protocols/http1/wire":                {"Limits"},
	"protocols/http1/middleware":          {"Timeout", "RequestID", "ETag", "CORS", "SecurityHeaders"},
	"protocols/http1/middleware/compress": {"Responses", "Requests"},
	"protocols/http1/guard":               {"BanConfig", "ClientIP", "RateConfig"},
	"protocols/http1/auth":                {"Basic", "Digest", "Bearer"},
	"protocols/http1/sse":                 {"Config", "Hub", "Parser"},
	"protocols/http1/multipart":           {"Limits", "Config"},
	"protocols/http1/download":            {"Downloader"},
	"protocols/http1/cache":               {"Transport"},
	"protocols/http1/accesslog":           {"Config"},
	"protocols/http1/dashboard":           {"Config"},
	"protocols/websocket/hub":             {"Config"},
	"protocols/websocket/hub/nats":        {"Config"},
	"protocols/websocket/rest":            {"Config"},
	"protocols/http1/health":              {"Handler"},
	"protocols/relay":                     {"Server", "Service", "Agent", "Dialing"},
	"protocols/relay/link":                {"Config"},
	"protocols/rtsphttp":                  {"Config", "DialOptions"},
	"protocols/websocket":                 {"Config", "Deflate", "DialOptions", "Client"},
}

// limitFields are the exported fields of a struct that are numbers; a time.Duration is one.
func limitFields(s *types.Struct) []string {
	var names []string
	for f := range s.Fields() {
		if b, ok := f.Type().Underlying().(*types.Basic); ok && f.Exported() && b.Info()&types.IsNumeric != 0 {
			names = append(names, f.Name())
		}
	}
	return names
}

var (
	limitRow     = regexp.MustCompile("^\\| `(?:(\\w+)\\.)?(\\w+)` \\|")
	limitHeading = regexp.MustCompile(`^###? (?:Limits of )?(\w+(?:\.\w+)?(?: and \w+\.\w+)*)$`)
)

// limitRows are the fields that each section of the page has a row for. A section may be of several structs, or of a package,
// whose rows then name the struct too.
func limitRows(page string) map[string][]string {
	rows := map[string][]string{}
	var sections []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "### ") {
			sections = nil
			if m := limitHeading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				sections = strings.Split(m[1], " and ")
			}
		}
		m := limitRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, s := range sections {
			switch qualified := strings.Contains(s, "."); {
			case qualified && m[1] == "":
				rows[s] = append(rows[s], m[2])
			case !qualified && m[1] != "":
				rows[s+"."+m[1]] = append(rows[s+"."+m[1]], m[2])
			}
		}
	}
	return rows
}

// compareLimits finds fields without a row, and rows without a field.
func compareLimits(section string, fields, rows []string) []string {
	var found []string
	for _, f := range fields {
		if !slices.Contains(rows, f) {
			found = append(found, fmt.Sprintf("%s.%s has no row", section, f))
		}
	}
	for _, r := range rows {
		if !slices.Contains(fields, r) {
			found = append(found, fmt.Sprintf("the row %s of %s is of no number or duration", r, section))
		}
	}
	return found
}

// TestProjectLimits: every limit is documented, and what is documented is there.
func TestProjectLimits(t *testing.T) {
	tr, _ := project(t)
	rows := map[string][]string{}
	for name, text := range tr {
		if strings.HasPrefix(name, "docs/") && strings.HasSuffix(name, ".md") && strings.Count(name, "/") == 1 {
			for section, of := range limitRows(string(text)) {
				rows[section] = append(rows[section], of...)
			}
		}
	}
	importer := NewExports(goList(t, "-export", "-deps", "./...")).Importer(token.NewFileSet())
	sections, known := 0, map[string]bool{}
	for dir, names := range limitStructs {
		pkg, err := importer.Import(Module + "/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			s, ok := pkg.Scope().Lookup(name).Type().Underlying().(*types.Struct)
			if !ok {
				t.Fatalf("%s.%s is no struct", dir, name)
			}
			section := pkg.Name() + "." + name
			sections++
			known[section] = true
			for _, f := range compareLimits(section, limitFields(s), rows[section]) {
				t.Errorf("docs: limits: %s", f)
			}
		}
	}
	if sections < 30 {
		t.Errorf("only %d structs were looked at", sections)
	}
	for section := range rows {
		if !known[section] && !strings.HasPrefix(section, "http.") { // net/http's, in the migration guide
			t.Errorf("docs: limits: no struct is looked at for the section %s", section)
		}
	}
}

func TestLimitFields(t *testing.T) {
	pkg := typeCheck(t, "package a\n\ntype D int64\n\ntype C struct {\n\tN int\n\tT D\n\tS string\n\tn int\n\tF func()\n}\n")
	s := pkg.Scope().Lookup("C").Type().Underlying().(*types.Struct)
	if got, want := limitFields(s), []string{"N", "T"}; !slices.Equal(got, want) {
		t.Errorf("fields %q; want %q", got, want)
	}
	rows := limitRows("# Limits\n\n## a.C\n\n| field | default |\n|---|---|\n| `N` | 1 |\n| `Gone` | 1 |\n")["a.C"]
	want := []string{"a.C.T has no row", "the row Gone of a.C is of no number or duration"}
	if got := compareLimits("a.C", limitFields(s), rows); !slices.Equal(got, want) {
		t.Errorf("found %q; want %q", got, want)
	}
}
