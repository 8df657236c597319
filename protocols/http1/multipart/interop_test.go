//go:build interop

package multipart_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

const nodeForm = `
const chunks = [];
process.stdin.on('data', c => chunks.push(c));
process.stdin.on('end', async () => {
  const form = await new Response(Buffer.concat(chunks), {headers: {'content-type': process.argv[1]}}).formData();
  const out = [];
  for (const [name, v] of form) out.push(typeof v === 'string' ? {name, value: v} : {name, file: v.name, type: v.type, value: await v.text()});
  console.log(JSON.stringify(out));
});`

// TestInteropNode: what the Encoder writes is read by node's fetch, which follows the same standard as browsers.
func TestInteropNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no node")
	}
	e := sample(t)
	cmd := exec.Command(node, "-e", nodeForm, e.ContentType())
	cmd.Stdin, cmd.Stderr = e.Body(), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	type part struct{ Name, Value, File, Type string }
	var got []part
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err, string(out))
	}
	want := []part{
		{Name: "title", Value: "Sea"},
		{},
		{Name: "odd \"name\"\r\n", Value: "--\r\n--x\r\n"},
		{"f", "abc", `a "b".txt`, "application/octet-stream"},
		{"g", "", "日本.json", "application/json"},
		{"h", "\r\n", "line\r\nend", "text/plain; charset=utf-8"},
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q; want %q", got[i], want[i])
		}
	}
}
