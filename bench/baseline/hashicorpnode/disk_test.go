package hashicorpnode

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"raftzab/bench/baseline/hashicorp"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

func newDisk(t *testing.T, s *Settings) *disk {
	t.Helper()
	d, err := openDisk(s, newTeller(0), hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A crash between the two steps of the bootstrap leaves a term and no members.
func TestADiskIsFormattedOnce(t *testing.T) {
	s := Default()
	s.Dir = t.TempDir()
	members := raft.Configuration{Servers: []raft.Server{{ID: "1", Address: "a:1"}}}
	d := newDisk(t, &s)
	try(t, d.files.SetUint64([]byte(hashicorp.KeyTerm), 1))
	d.close()
	for range 2 {
		d = newDisk(t, &s)
		try(t, d.format(members))
		if last, err := d.files.LastIndex(); last != 1 || err != nil {
			t.Errorf("the log goes to %d (%v)", last, err)
		}
		if at := d.at(1); at != (protocols.EntryID{Epoch: 1, Index: 1}) || d.at(2) != (protocols.EntryID{}) {
			t.Errorf("at 1 is %v", at)
		}
		d.close()
	}
}

// Behind a snapshot that was sent whole the log is empty.
func TestTheEndOfASnapshotHasAPosition(t *testing.T) {
	s := Default()
	s.Dir = t.TempDir()
	d := newDisk(t, &s)
	defer d.close()
	sink, err := d.snaps.Create(1, 77, 5, raft.Configuration{}, 1, nil)
	try(t, err)
	try(t, sink.Close())
	if at := d.at(77); at != (protocols.EntryID{Epoch: 5, Index: 77}) {
		t.Errorf("at 77 is %v", at)
	}
}

// Only what is cut off the end was taken back.
func TestTheBeginningOfALogIsNotTruncated(t *testing.T) {
	s := Default()
	s.Dir = t.TempDir()
	d := newDisk(t, &s)
	defer d.close()
	d.files.t.listen.Store(uint32(protocols.AllEvents))
	for i := uint64(1); i <= 10; i++ {
		try(t, d.logs.StoreLog(&raft.Log{Index: i, Term: 3}))
	}
	try(t, d.logs.DeleteRange(1, 4))
	try(t, d.logs.DeleteRange(8, 10))
	try(t, d.logs.StoreLog(&raft.Log{Index: 8, Term: 4}))
	told := d.files.t.events // none is sent before the server runs
	if len(told) != 1 || told[0] != (protocols.Event{Kind: protocols.LogTruncated, At: protocols.EntryID{Epoch: 3, Index: 7}}) {
		t.Errorf("told %+v", told)
	}
	if at := d.at(8); at.Epoch != 4 {
		t.Errorf("at 8 is %v", at)
	}
}

// A snapshot that was sent whole takes the place of all of a log, of which what was
// cut off before may still be readable.
func TestALogThatASnapshotReplacesIsNotTruncated(t *testing.T) {
	s := Default()
	s.Dir = t.TempDir()
	d := newDisk(t, &s)
	defer d.close()
	d.files.t.listen.Store(uint32(protocols.AllEvents))
	for i := uint64(1); i <= 10; i++ {
		try(t, d.logs.StoreLog(&raft.Log{Index: i, Term: 3}))
	}
	try(t, d.logs.DeleteRange(1, 4))
	try(t, d.logs.DeleteRange(5, 10))
	if told := d.files.t.events; len(told) != 0 {
		t.Errorf("told %+v", told)
	}
}

// A fileSink is where the library has a snapshot written.
type fileSink struct {
	bytes.Buffer
	closed bool
}

func (f *fileSink) ID() string    { return "" }
func (f *fileSink) Cancel() error { return nil }
func (f *fileSink) Close() error  { f.closed = true; return nil }

func TestASnapshotIsTheState(t *testing.T) {
	m := &machine{t: newTeller(0)}
	entry := func(index uint64, session, seq, key uint32) *raft.Log {
		return &raft.Log{Type: raft.LogCommand, Term: 2, Index: index, Data: encode(&protocols.Command{
			ID: protocols.RequestID{Session: session, Seq: seq}, Op: kv.Put, Key: key, Value: index, Size: 50})}
	}
	versions := m.ApplyBatch([]*raft.Log{entry(1, 1, 1, 9), {Type: raft.LogConfiguration, Index: 2}, entry(3, 2, 1, 9), entry(4, 1, 1, 9)})
	for i, want := range []any{uint64(1), nil, uint64(2), uint64(1)} {
		if versions[i] != want {
			t.Errorf("entry %d made version %v, not %v", i, versions[i], want)
		}
	}
	snapshot, err := m.Snapshot()
	try(t, err)
	m.Apply(entry(5, 1, 2, 9)) // while it is written
	var sink fileSink
	try(t, snapshot.Persist(&sink))
	if !sink.closed {
		t.Error("the snapshot was not ended")
	}
	whole := sink.String()
	other := &machine{t: newTeller(0)}
	try(t, other.Restore(io.NopCloser(strings.NewReader(whole))))
	if value, version, at := other.read(9); value != 3 || version != 2 || at != (protocols.EntryID{Epoch: 2, Index: 4}) {
		t.Errorf("restored %d in version %d at %v", value, version, at)
	}
	if v := other.Apply(entry(5, 2, 1, 9)); v != uint64(2) {
		t.Errorf("a write once more makes version %v", v)
	}
	if err := other.Restore(io.NopCloser(strings.NewReader(whole[:len(whole)-1]))); err == nil {
		t.Error("half a snapshot is taken for a whole")
	}
}

func TestSettingsAreChecked(t *testing.T) {
	s := Default()
	s.Images, s.Library.RPCTimeout = -1, 0
	err := s.Validate()
	for _, want := range []string{"not among the peers", "address for clients", "folder", "-1 entries", "RPC timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
