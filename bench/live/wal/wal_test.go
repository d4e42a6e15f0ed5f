package wal

import (
	"testing"

	"raftzab/protocols"
)

func TestX(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := protocols.Write{Seq: 1, Entries: []protocols.Entry{{ID: protocols.EntryID{Epoch: 1, Index: 1}, Command: protocols.Command{Size: 9000}}}}
	if err := s.Append([]protocols.Write{w}); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil {
		t.Fatal("twice")
	} else {
		t.Log(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Log(s.Recovered())
}
