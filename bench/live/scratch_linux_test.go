package live

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAScratchIsWhereTemporaryFilesGoUntilItIsDone(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("tmp", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", "tmp")
	done, err := Scratch()
	if err != nil {
		t.Fatal(err)
	}
	dir := os.TempDir()
	if files, err := os.ReadDir("tmp"); err != nil || len(files) != 1 || !filepath.IsAbs(dir) || filepath.Base(dir) != files[0].Name() {
		t.Errorf("the scratch is %s; there are %v (%v)", dir, files, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "disk"), nil, 0o600); err != nil {
		t.Error(err)
	}
	again, err := Scratch() // as in a process that lan.Reexec has started
	if err != nil || os.TempDir() != dir {
		t.Errorf("and then %s: %v", os.TempDir(), err)
	}
	for _, end := range []func() error{again, done} {
		if err := end(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is left (%v)", dir, err)
		}
	}
	if os.TempDir() != "tmp" || os.Getenv(scratchKey) != "" {
		t.Errorf("TMPDIR is %s", os.TempDir())
	}
}
