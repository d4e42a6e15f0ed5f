package results

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// holderName is a file that says who writes into a folder, while somebody does.
const holderName = "process" + besides

// A Lock keeps other processes from writing into a folder. It ends with its process at the
// latest, however that ends.
type Lock struct{ folder *os.File }

// Hold takes a folder for this process. The error is an *UnwritableError; where another
// process has the folder, it says which. Systems without flock have no locks.
func Hold(dir string) (*Lock, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, &UnwritableError{dir, err}
	}
	if taken(folder) {
		folder.Close()
		who, _ := os.ReadFile(filepath.Join(dir, holderName)) // not there for an instant at the beginning and the end
		return nil, &UnwritableError{dir, fmt.Errorf("%s is writing into it; wait until it has ended, or write elsewhere, with --out", cmp.Or(strings.TrimSpace(string(who)), "another process"))}
	}
	l := &Lock{folder}
	who := fmt.Sprintf("process %d (%s), since %s,\n", os.Getpid(), strings.Join(os.Args, " "), time.Now().Format(time.DateTime))
	if err := os.WriteFile(filepath.Join(dir, holderName), []byte(who), 0o666); err != nil {
		l.Release()
		return nil, &UnwritableError{dir, err}
	}
	return l, nil
}

// Release lets others write.
func (l *Lock) Release() {
	os.Remove(filepath.Join(l.folder.Name(), holderName))
	l.folder.Close()
}
