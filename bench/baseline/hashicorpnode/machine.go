package hashicorpnode

import (
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A machine is the library's state machine: the store that all our nodes have, with
// its table of sessions.
type machine struct {
	t *teller

	mu sync.RWMutex
	kv kv.Store
}

var _ raft.BatchingFSM = (*machine)(nil)

// encode is a command as it stands in the log: with its payload.
func encode(c *protocols.Command) []byte {
	return protocols.AppendCommand(make([]byte, 0, protocols.CommandSize+int(c.Size)), c)
}

// ApplyBatch takes entries, and returns the versions that they made.
func (m *machine) ApplyBatch(logs []*raft.Log) []any {
	versions := make([]any, len(logs))
	var events []protocols.Event
	listens := m.t.listens(protocols.Applied)
	m.mu.Lock()
	for i, e := range logs {
		if e.Type != raft.LogCommand {
			continue // the members
		}
		s := protocols.Scan(e.Data)
		ent := protocols.Entry{ID: protocols.EntryID{Epoch: e.Term, Index: e.Index}, Command: s.Command()}
		if err := s.Done(); err != nil {
			panic(fmt.Sprintf("hashicorpnode: entry %v %v", ent.ID, err))
		}
		versions[i] = m.kv.Apply(ent)
		if listens {
			events = append(events, protocols.Event{Kind: protocols.Applied, At: ent.ID, ID: ent.Command.ID})
		}
	}
	m.mu.Unlock()
	if len(events) > 0 {
		m.t.tell(func() { m.t.emit(events...) })
	}
	return versions
}

// Apply is for the library where it has one entry only.
func (m *machine) Apply(e *raft.Log) any { return m.ApplyBatch([]*raft.Log{e})[0] }

// Snapshot returns the state as it is, to be written while it goes on.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return image{m.kv.Image()}, nil
}

// Restore replaces the state.
func (m *machine) Restore(from io.ReadCloser) error {
	b, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("hashicorpnode: read a snapshot: %w", err)
	}
	i, err := kv.ParseImage(b)
	if err != nil {
		return fmt.Errorf("hashicorpnode: a snapshot: %w", err)
	}
	m.mu.Lock()
	m.kv.Load(i)
	m.mu.Unlock()
	m.t.tell(func() { m.t.emit(protocols.Event{Kind: protocols.Restored, At: i.Snapshot().At}) })
	return nil
}

// at returns the position of the last command applied.
func (m *machine) at() protocols.EntryID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.kv.At()
}

// read returns a value, its version, and the position of the state that has it.
func (m *machine) read(key uint32) (value, version uint64, at protocols.EntryID) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	value, version = m.kv.Read(key)
	return value, version, m.kv.At()
}

// An image is a snapshot that is being written.
type image struct{ *kv.Image }

func (i image) Persist(to raft.SnapshotSink) error {
	if _, err := to.Write(kv.AppendImage(nil, i.Image)); err != nil {
		_ = to.Cancel() // the first error says it
		return fmt.Errorf("hashicorpnode: write a snapshot: %w", err)
	}
	return to.Close()
}

func (i image) Release() {}
