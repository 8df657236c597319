package lint

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A Fence is one fenced code block of a document.
type Fence struct {
	File     string
	Line     int    // of the first line inside
	Info     string // what follows the opening fence
	Preamble string // of an HTML comment "<!-- go ... -->" right before it
	Body     string
}

// A Page is a document taken apart: its fences, and its prose with the fences blanked out, line for line.
type Page struct {
	File   string
	Prose  []string
	Fences []Fence
}

// ParsePage splits a Markdown document.
func ParsePage(name string, text []byte) Page {
	page := Page{File: name}
	var open *Fence
	var fence, preamble, comment string
	inComment := false
	for i, line := range strings.Split(string(text), "\n") {
		trimmed := strings.TrimSpace(line)
		prose := ""
		switch {
		case open != nil && trimmed == fence:
			page.Fences = append(page.Fences, *open)
			open = nil
		case open != nil:
			open.Body += line + "\n"
		case inComment:
			before, _, done := strings.Cut(line, "-->")
			comment += before + "\n"
			if done {
				inComment, preamble = false, comment
			}
		case strings.HasPrefix(trimmed, "<!-- go"):
			comment, _, inComment = strings.TrimPrefix(trimmed, "<!-- go"), "", true
			if before, _, done := strings.Cut(comment, "-->"); done {
				inComment, preamble = false, before
			} else {
				comment += "\n"
			}
		case strings.HasPrefix(trimmed, "```"):
			info := strings.TrimLeft(trimmed, "`")
			fence = trimmed[:len(trimmed)-len(info)]
			open = &Fence{File: name, Line: i + 2, Info: strings.TrimSpace(info), Preamble: preamble}
			preamble = ""
		default:
			prose = line
			if trimmed != "" {
				preamble = ""
			}
		}
		page.Prose = append(page.Prose, prose)
	}
	if open != nil {
		page.Fences = append(page.Fences, *open)
	}
	return page
}

// Pages parses every Markdown file that keep says yes to.
func (t Tree) Pages(keep func(name string) bool) []Page {
	var pages []Page
	for _, name := range t.Names(func(n string) bool { return isMarkdown(n) && keep(n) }) {
		pages = append(pages, ParsePage(name, t[name]))
	}
	return pages
}

var (
	linkTarget = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+)`)
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	filePath   = regexp.MustCompile(`^(\./)?\.?\w[\w.-]*(/\.?\w[\w.-]*)*(/|/\.\.\.)?$`)
	fileName   = regexp.MustCompile(`^\.?\w[\w.-]*\.(go|md|sh|c|lua|json|jsonl|txt|mod)$`)
	makeTarget = regexp.MustCompile("`make ([a-z][a-z0-9-]*)")
	targetRule = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// Links finds relative links to files or headings that do not exist.
func Links(tree Tree) []Finding {
	var found []Finding
	for _, page := range tree.Pages(func(string) bool { return true }) {
		for i, line := range page.Prose {
			for _, m := range linkTarget.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
				if why := tree.broken(page.File, m[1]+m[2]); why != "" {
					found = append(found, Finding{page.File, i + 1, "link to " + m[1] + m[2] + ": " + why})
				}
			}
		}
	}
	return found
}

// broken says what is wrong with a link in file, or nothing. Links to other sites are not followed.
func (t Tree) broken(file, link string) string {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return ""
	}
	target, fragment, hasFragment := strings.Cut(link, "#")
	if target == "" {
		target = file
	} else {
		target = path.Join(path.Dir(file), target)
	}
	if !t.Exists(target) {
		return "no such file"
	}
	if hasFragment && isMarkdown(target) && !slices.Contains(anchors(ParsePage(target, t[target])), fragment) {
		return "no such heading"
	}
	return ""
}

// anchors are the fragments by which the headings of a page are reached: lower case, punctuation dropped, spaces as
// hyphens.
func anchors(p Page) []string {
	var out []string
	for _, line := range p.Prose {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			continue
		}
		out = append(out, strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, strings.TrimSpace(title)))
	}
	return out
}

// NamedFiles finds code spans that name a file, a folder or a make target of this repository that does not exist. A span
// counts as a name if it is a bare file name with a known ending, or a path that starts at a top-level entry. The change
// log may name what is gone; folders that git ignores hold what a run makes.
func NamedFiles(tree Tree) []Finding {
	var found []Finding
	tops, bases := map[string]bool{}, map[string]bool{}
	for name := range tree {
		top, _, deep := strings.Cut(name, "/")
		tops[top] = tops[top] || deep
		bases[path.Base(name)] = true
	}
	targets := map[string]bool{}
	for _, m := range targetRule.FindAllSubmatch(tree["Makefile"], -1) {
		targets[string(m[1])] = true
	}
	for _, page := range tree.Pages(func(n string) bool { return n != "CHANGELOG.md" && !strings.Contains(n, "testdata/") }) {
		for i, line := range page.Prose {
			for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
				span := m[1]
				top, _, deep := strings.Cut(strings.TrimPrefix(span, "./"), "/")
				switch {
				case deep && tops[top] && filePath.MatchString(span):
					if name := strings.TrimPrefix(span, "./"); tree.ignored(name) || tree.Exists(strings.TrimSuffix(name, "/...")) {
						continue
					}
				case !fileName.MatchString(span) || bases[span]:
					continue
				}
				found = append(found, Finding{page.File, i + 1, "names `" + span + "`, which does not exist"})
			}
			for _, m := range makeTarget.FindAllStringSubmatch(line, -1) {
				if !targets[m[1]] {
					found = append(found, Finding{page.File, i + 1, "names make " + m[1] + ", which the Makefile does not have"})
				}
			}
		}
	}
	return found
}

// ignored reports whether name is in a folder that .gitignore lists by its path from the root.
func (t Tree) ignored(name string) bool {
	for line := range strings.Lines(string(t[".gitignore"])) {
		dir, ok := strings.CutPrefix(strings.TrimSpace(line), "/")
		if ok && strings.HasSuffix(dir, "/") && strings.HasPrefix(name, dir) {
			return true
		}
	}
	return false
}
