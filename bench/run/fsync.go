package run

import (
	"os"
	"slices"
	"time"
)

// Fsyncs is how many writes FsyncLatency times.
const Fsyncs = 50

// FsyncLatency writes and syncs small records in a folder and returns how long
// that takes: in the middle, and at most.
func FsyncLatency(dir string) (median, most time.Duration, err error) {
	f, err := os.CreateTemp(dir, "fsync-*")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range Fsyncs {
		start := time.Now()
		if _, err := f.Write(make([]byte, 512)); err != nil {
			return 0, 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond), nil
}
