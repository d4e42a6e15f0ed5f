package main

import "golang.org/x/sys/unix"

// room returns how many bytes users may still write in a folder.
func room(dir string) (uint64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(dir, &s)
	return s.Bavail * uint64(s.Bsize), err
}
