package results

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestJSONHasALineForEachCell(t *testing.T) {
	for _, c := range []struct{ compact, want string }{
		{`{"cells":[{"system":"raft","settings":{"a":[1,2],"b":{}}}],"files":[]}`,
			"{\n  \"cells\": [\n    {\"system\":\"raft\",\"settings\":{\"a\":[1,2],\"b\":{}}}\n  ],\n  \"files\": []\n}"},
		{`{"text":"a \"[{,:\\","n":1}`, "{\n  \"text\": \"a \\\"[{,:\\\\\",\n  \"n\": 1\n}"},
	} {
		if got := string(indented([]byte(c.compact))); got != c.want {
			t.Errorf("%s\nis written\n%s\nnot\n%s", c.compact, got, c.want)
		}
	}
}

// Whatever its lines, it is the same JSON.
func TestJSONIsTheSameWhateverItsLines(t *testing.T) {
	files, err := filepath.Glob("*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifest in results (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var before, after bytes.Buffer
		if err := json.Compact(&before, text); err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&after, indented(before.Bytes())); err != nil || !bytes.Equal(before.Bytes(), after.Bytes()) {
			t.Errorf("%s is another one now: %v", file, err)
		}
	}
}
