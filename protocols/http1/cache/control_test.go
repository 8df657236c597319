package cache

import (
	"net/http"
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	none := control(nil, false)
	for in, want := range map[string]func(*directives){
		"":                                   func(d *directives) {},
		"no-store":                           func(d *directives) { d.noStore = true },
		" NO-Cache , ,no-store,":             func(d *directives) { d.noCache, d.noStore = true, true },
		`no-cache="a, no-store", public`:     func(d *directives) { d.noCache, d.public = true, true },
		`x="\", no-store", immutable`:        func(d *directives) { d.immutable = true },
		`x="no-store`:                        func(d *directives) {},
		"max-age=5":                          func(d *directives) { d.maxAge = 5 },
		`max-age="5"`:                        func(d *directives) { d.maxAge = 5 },
		`max-age="\5"`:                       func(d *directives) { d.maxAge = 5 },
		"max-age":                            func(d *directives) { d.maxAge = 0 },
		"max-age=":                           func(d *directives) { d.maxAge = 0 },
		"max-age=-1":                         func(d *directives) { d.maxAge = 0 },
		"max-age=+1":                         func(d *directives) { d.maxAge = 0 },
		"max-age=1.5":                        func(d *directives) { d.maxAge = 0 },
		"max-age=9, max-age=5, max-age=7":    func(d *directives) { d.maxAge = 5 },
		"max-age=99999999999999999999999999": func(d *directives) { d.maxAge = most },
		"max-stale":                          func(d *directives) { d.maxStale = most },
		"max-stale=3, max-stale":             func(d *directives) { d.maxStale = 3 },
		"max-stale=x":                        func(d *directives) { d.maxStale = 0 },
		"min-fresh=3, min-fresh=4":           func(d *directives) { d.minFresh = 4 },
		"min-fresh=x":                        func(d *directives) { d.minFresh = most },
		"stale-if-error=3":                   func(d *directives) { d.staleIfError = 3 },
		"stale-while-revalidate=3":           func(d *directives) { d.staleWhileRevalidate = 3 },
		"stale-while-revalidate":             func(d *directives) { d.staleWhileRevalidate = 0 },
		"must-revalidate,must-understand":    func(d *directives) { d.mustRevalidate, d.mustUnderstand = true, true },
		"only-if-cached":                     func(d *directives) { d.onlyIfCached = true },
		"unknown, s-maxage=3, proxy-revalidate, private, no-transform": func(d *directives) {},
	} {
		d := none
		want(&d)
		if got := control(http.Header{"Cache-Control": {in}}, true); got != d {
			t.Errorf("%s: %+v; want %+v", in, got, d)
		}
	}
	two := control(http.Header{"Cache-Control": {"max-age=5", "no-cache"}, "Pragma": {"no-store"}}, true)
	if two.maxAge != 5 || !two.noCache || two.noStore {
		t.Errorf("%+v", two)
	}
	if !control(http.Header{"Pragma": {"x, no-cache"}}, true).noCache || control(http.Header{"Pragma": {"no-cache"}}, false).noCache {
		t.Error("Pragma is for requests without Cache-Control")
	}
}

// FuzzControl: whatever comes, numbers stay in their bounds, and a directive in front is seen.
func FuzzControl(f *testing.F) {
	f.Add(`no-cache="a,b", max-age=5`)
	f.Add(`max-age="\"`)
	f.Fuzz(func(t *testing.T, s string) {
		d := control(http.Header{"Cache-Control": {s}}, false)
		for _, n := range []seconds{d.maxAge, d.minFresh, d.maxStale, d.staleIfError, d.staleWhileRevalidate} {
			if n < absent || n > most {
				t.Fatal(n)
			}
		}
		if !control(http.Header{"Cache-Control": {"no-store," + s}}, false).noStore {
			t.Fatal("no-store was overlooked")
		}
		n := 0
		elements(s, func(name, arg string, has bool) {
			n++
			if name == "" || name != strings.ToLower(name) {
				t.Fatalf("%q", name)
			}
		})
		if n > strings.Count(s, ",")+1 {
			t.Fatal(n)
		}
	})
}
