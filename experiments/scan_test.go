package experiments

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestScanFindsTheLineOfEveryKey(t *testing.T) {
	s := scan(`a = 1 # b = 2
"c.d" = """
e = 3
"""
[f]
g.h = { i = 4, j = [ # k = 5
  { l = 6 },
  { l = '#' },
] }
[[m]]
n = 7
[[m]]
n = 8
[m.o]
p = 9
`)
	for path, line := range map[string]int{"a": 1, `"c.d"`: 2, "f": 5, "f.g.h.i": 6, "f.g.h.j[1].l": 8, "m": 10, "m[0].n": 11, "m[1].n": 13, "m[1].o.p": 15} {
		if s.values[path] != line {
			t.Errorf("%s is on line %d, found on %d", path, line, s.values[path])
		}
	}
	for _, k := range s.keys {
		if k.path == "e" || k.path == "b" || k.path == "k" {
			t.Errorf("%s is no key", k.path)
		}
	}
}

func FuzzScanAgreesWithTheLibraryAboutKeys(f *testing.F) {
	files, _ := filepath.Glob("*.toml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		"", "\xef\xbb\xbfa=1", "a.b.c=1\n[d.e]\nf=[1,[2,{g=3}]]", "\"a\\tb\" = 1\n'c\\d' = 2\n\"\" = 3", "[[a.b]]\n[a.b.c]\nd=1\n[[a.b]]\ne=1",
		"a = \"\"\"x\"\"\"\"\"\nb = '''y'''''", "a = 1979-05-27 07:32:00\nb = {c = {d = 1}, e.f = 2}", "a=[{b=1},{b=2}] # c\r\nd=1\r\n", "a = [\n# ]\n1, # ,\n]\n", "x = [[[[", "=", "[", "\"", "a = \"\\", "{a=", "[a]]", "a = 'x'\n[b", "''''''", "a=\"\"\"\\",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := scan(text) // must end, whatever the text is
		if s.tooDeep > 0 {
			return
		}
		_, keys, err := parse(text)
		if err != nil {
			return
		}
		var got []toml.Key
		for _, k := range s.keys {
			got = append(got, k.key)
		}
		if !slices.EqualFunc(got, keys, slices.Equal[toml.Key]) {
			t.Errorf("scan found %q, the library %q", got, keys)
		}
	})
}
