package hashicorpnode

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"raftzab/bench/baseline/hashicorp"
	"raftzab/protocols"
)

// A disk is what outlives the process.
type disk struct {
	files *watched
	meta  *metadb.BoltMetaDB // of files, which do not close it
	logs  *raft.LogCache     // before files
	snaps *raft.FileSnapshotStore
}

// openDisk recovers what is in the disk's folder. t is told of what is written.
func openDisk(cfg *Settings, t *teller, log hclog.Logger) (*disk, error) {
	logDir := filepath.Join(cfg.Dir, "wal")
	if err := os.MkdirAll(logDir, 0o755); err != nil {
		return nil, fmt.Errorf("hashicorpnode: the disk: %w", err)
	}
	d := &disk{meta: &metadb.BoltMetaDB{}}
	files, err := wal.Open(logDir, wal.WithMetaStore(d.meta), wal.WithSegmentSize(cfg.Segment), wal.WithLogger(log.Named("wal")))
	if err != nil {
		return nil, fmt.Errorf("hashicorpnode: recover the log in %s: %w", logDir, err)
	}
	d.files = &watched{files, t, cfg.member}
	if d.logs, err = raft.NewLogCache(cached, d.files); err == nil {
		d.snaps, err = raft.NewFileSnapshotStoreWithLogger(cfg.Dir, retained, log.Named("snapshot"))
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("hashicorpnode: the disk: %w", err)
	}
	return d, nil
}

// format makes the disk of a server that was installed and never run: the
// members stand in the first entry of every log, as after raft.BootstrapCluster,
// which a crash between its two steps would leave without.
func (d *disk) format(members raft.Configuration) error {
	last, err := d.files.LastIndex()
	if err != nil {
		return fmt.Errorf("hashicorpnode: bootstrap: %w", err)
	}
	snaps, err := d.snaps.List()
	if err != nil {
		return fmt.Errorf("hashicorpnode: bootstrap: %w", err)
	}
	if last > 0 || len(snaps) > 0 {
		return nil
	}
	if err = d.files.SetUint64([]byte(hashicorp.KeyTerm), 1); err == nil {
		err = d.files.StoreLog(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(members)})
	}
	if err != nil {
		return fmt.Errorf("hashicorpnode: bootstrap: %w", err)
	}
	return nil
}

// at returns the position with an index; zero if there is none.
func (d *disk) at(index uint64) protocols.EntryID {
	if index == 0 {
		return protocols.EntryID{}
	}
	var e raft.Log
	if d.logs.GetLog(index, &e) == nil {
		return protocols.EntryID{Epoch: e.Term, Index: index}
	}
	snaps, _ := d.snaps.List() // where the log is empty behind one
	for _, s := range snaps {
		if s.Index == index {
			return protocols.EntryID{Epoch: s.Term, Index: index}
		}
	}
	return protocols.EntryID{}
}

func (d *disk) close() {
	d.files.Close()
	d.meta.Close()
}

// A watched store shows what reaches the disk and means something to others.
type watched struct {
	*wal.WAL
	t      *teller
	member func(raft.ServerAddress) NodeID
}

// DeleteRange cuts the end of the log off, where another leader's entries are to
// come, or its beginning, which a snapshot holds.
func (w *watched) DeleteRange(from, to uint64) error {
	first, err := w.FirstIndex()
	if err != nil {
		return err
	}
	var before raft.Log
	cut := from > first && w.GetLog(from-1, &before) == nil
	if err := w.WAL.DeleteRange(from, to); err != nil {
		return err
	}
	if cut {
		w.t.tell(func() {
			w.t.emit(protocols.Event{Kind: protocols.LogTruncated, At: protocols.EntryID{Epoch: before.Term, Index: before.Index}})
		})
	}
	return nil
}

// SetUint64 keeps the term, or the term of the vote.
func (w *watched) SetUint64(key []byte, value uint64) error {
	if string(key) == hashicorp.KeyTerm {
		w.t.tell(func() { w.t.watch.Enters(value) })
	}
	return w.WAL.SetUint64(key, value)
}

// Set keeps whom the vote is for, the last step of casting it.
func (w *watched) Set(key, value []byte) error {
	if err := w.WAL.Set(key, value); err != nil || string(key) != hashicorp.KeyCandidate {
		return err
	}
	v, err := w.vote()
	if err == nil {
		w.t.tell(func() { w.t.cast(v) })
	}
	return err
}

// vote reads the last vote cast.
func (w *watched) vote() (v vote, err error) {
	if v.term, err = w.GetUint64([]byte(hashicorp.KeyVoteTerm)); err != nil {
		return vote{}, err
	}
	candidate, err := w.Get([]byte(hashicorp.KeyCandidate))
	v.candidate = w.member(raft.ServerAddress(candidate))
	return v, err
}
