package lint

import "testing"

func TestSleeps(t *testing.T) {
	const src = "package p\n\nfunc f() {\n\ttime.Sleep(1)\n\t<-time.After(1)\n}\n"
	_, files := fixture(t, "a_test.go", src, "a.go", src)
	wantFindings(t, Sleeps(files), "a_test.go:4: time.Sleep in a test")
}

func TestSkips(t *testing.T) {
	const skip = "\tt.Sk" + "ip" // in two, so that a search for skipped tests does not stop here
	_, files := fixture(t, "a_test.go", "package p\n\nfunc f() {\n"+
		skip+"()\n"+skip+"Now()\n"+skip+"(\"\")\n"+skip+"(\"needs curl\")\n"+skip+"f(\"needs %s\", x)\n"+skip+"(err)\n}\n")
	wantFindings(t, Skips(files),
		"a_test.go:4: t.Sk"+"ip gives no reason",
		"a_test.go:5: t.Sk"+"ipNow gives no reason",
		"a_test.go:6: t.Sk"+"ip gives no reason")
}

func TestWords(t *testing.T) {
	const todo, later, home, host = "TO" + "DO", "not imp" + "lemented", "/ro" + "ot/", "proxy.gol" + "ang.org"
	tr, _ := fixture(t,
		"a.go", "package p\n\n// "+todo+": more\n// "+later+"\n",
		"a.md", later+" is a phrase like another here\nsee "+home+"x\n",
		"b.md", "https://example.org"+home+" bench"+home+" $x"+home+" "+host+"\n",
		"p/testdata/x.txt", todo+"\n"+home+"\n",
		"go.sum", todo,
		"x.bin", todo+"\x00")
	wantFindings(t, Words(tr),
		"a.go:3: a mark of unfinished work: "+todo,
		"a.go:4: words of unfinished work: "+later,
		"a.md:2: a path of one machine: "+home,
		"b.md:1: a registry's host: "+host,
		"p/testdata/x.txt:2: a path of one machine: "+home)
}
