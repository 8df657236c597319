package websocket_test

import (
	"fmt"
	"unicode/utf8"
)

const kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5" // the word that the public suite uses

// conformUTF8 has whole texts, good and bad, in one frame and in fragments of one byte.
func conformUTF8() (all []conformCase) {
	texts := []string{
		"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
		kosme,
		kosme + "\xed\xa0\x80edited", kosme + "\xf4\x90\x80\x80edited", "\xff", "\xfe", "\xc0\xaf", "\xe0\x80\xaf",
		"\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80",
		"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
		"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf",
		"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", "\xc0 \xc1 \xc2 \xc3 ", "\xe0 \xe1 \xe2 ",
		"\xf0 \xf1 ", "\xf8 ", "\xfc ", "\xc2", "\xe0\xa0", "\xf0\x90\x80", "\xc2x", "\xe0\xa0x", "\xf0\x90\x80x", "\xfe\xfe\xff\xff",
		"\x00", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xef\xbf\xbe", "\xf0\x9f\xbf\xbe",
		"\xf0\xaf\xbf\xbf", "\xf3\xbf\xbf\xbe", "\xf4\x8f\xbf\xbe",
	}
	for i, s := range texts {
		fragments := make([]conformFrame, 0, len(s)+1)
		for j := range len(s) {
			first := byte(oCont)
			if j == 0 {
				first = oText
			}
			fragments = append(fragments, fr(first, s[j:j+1]))
		}
		fragments = append(fragments, fr(fCont, ""))
		whole, split := fmt.Sprintf("6.1.%d", i+1), fmt.Sprintf("6.2.%d", i+1)
		if utf8.ValidString(s) {
			all = append(all, good(whole, textBack(s), fr(fText, s)), good(split, textBack(s), fragments...))
		} else {
			all = append(all, bad(whole, "", 1007, fr(fText, s)), bad(split, "", 1007, fragments...))
		}
	}
	return all
}

// conformUTF8Edges has texts that are bad before their frame or message is whole: the verdict must not wait for the rest.
func conformUTF8Edges() []conformCase {
	announced := func(id, before string, frames ...conformFrame) conformCase {
		c := conformCase{id: id, frames: frames, want: "close:1007"}
		if before != "" {
			c.want = before + " " + c.want
		}
		return c
	}
	return []conformCase{
		announced("6.4.1", "", fr(oText, kosme+"\xf4\x90\x80\x80")),
		announced("6.4.2", "", fr(oText, kosme+"\xf4"), fr(oCont, "\x90")),
		announced("6.4.3", "", fr(oText, kosme), fr(oCont, "\xf4\x90")),
		announced("6.4.4", "", fr(oText, "\xf8")),
		announced("6.4.5", pongBack("x"), fr(oText, "\xed"), fr(fPing, "x"), fr(oCont, "\xa0")),
		announced("6.4.6", "", fr(oText, "\xc3"), fr(fCont, "")),
		announced("6.4.7", textBack("ok"), fr(fText, "ok"), fr(fText, "\xe2\x82")),
		good("6.4.8", binBack("\xff\xfe"), fr(fBin, "\xff\xfe")),
		good("6.4.9", wants(pongBack(""), textBack("\xf0\x9f\x98\x80")), fr(oText, "\xf0\x9f"), fr(fPing, ""), fr(fCont, "\x98\x80")),
	}
}
