package check

import (
	"slices"
	"sort"

	"raftzab/protocols"
)

// A disk is what a server's disk holds, or will hold once every write is done.
// Commands are in the table of entries.
type disk struct {
	registers      protocols.Registers
	snapshot, base protocols.EntryID
	log            []protocols.EntryID // behind base
}

func (d *disk) load(r *protocols.Recovered) {
	d.registers, d.snapshot, d.base = r.Registers, r.Snapshot.At, r.Base
	d.log = d.log[:0]
	for i := range r.Entries {
		d.log = append(d.log, r.Entries[i].ID)
	}
}

// cut drops what comes after after, as Recovered.Apply has it, and returns the
// first entry dropped. A write with its base there installs a snapshot in place
// of a log that has no such position.
func (d *disk) cut(after, base protocols.EntryID) (first protocols.EntryID) {
	if after == d.last() {
		return first
	}
	k, found := d.upTo(after)
	if k < len(d.log) {
		first = d.log[k]
		d.log = d.log[:k]
	}
	if !found && base == after {
		d.log, d.base = d.log[:0], base
	}
	return first
}

// compact moves the snapshot, and drops what comes up to base.
func (d *disk) compact(snapshot, base protocols.EntryID) {
	d.snapshot = snapshot
	if d.base.Less(base) {
		k, _ := d.upTo(base)
		d.log = d.log[:copy(d.log, d.log[k:])]
		d.base = base
	}
}

// last returns the end of the log.
func (d *disk) last() protocols.EntryID {
	if k := len(d.log); k > 0 {
		return d.log[k-1]
	}
	return d.base
}

// upTo returns how many entries of the log come up to id, and whether id itself
// is the last of them or the base.
func (d *disk) upTo(id protocols.EntryID) (int, bool) {
	k := len(d.log)
	if last := d.last(); last == id {
		return k, true
	} else if x := last.Index - id.Index; x < uint64(k) && d.log[uint64(k)-1-x] == id { // right in Raft, and in Zab within an epoch
		return k - int(x), true
	}
	k = sort.Search(k, func(i int) bool { return id.Less(d.log[i]) })
	return k, k > 0 && d.log[k-1] == id || k == 0 && d.base == id
}

// holds reports whether recovery from this disk would bring back id: it is in
// the snapshot or in the log. What lies up to the base and behind the snapshot
// is lost.
func (d *disk) holds(id protocols.EntryID) bool {
	if !d.snapshot.Less(id) {
		return true
	}
	k, found := d.upTo(id)
	return found && k > 0
}

// A pending is a write that was asked for and is not known to be durable. The
// IDs of its entries are in a queue of their own.
type pending struct {
	seq            uint64
	registers      protocols.Registers
	snapshot, base protocols.EntryID
	after          protocols.EntryID
	entries        int
}

// A promise is what a disk has that others may rest on: in Raft the vote of a
// term, in Zab a currentEpoch.
type promise struct {
	epoch uint64
	to    protocols.NodeID
}

// ask puts a write behind those under way.
func (n *node) ask(w *protocols.Write) {
	n.pending = append(n.pending, pending{w.Seq, w.Registers, w.Snapshot, w.Base, w.After, len(w.Entries)})
	for i := range w.Entries {
		n.queued = append(n.queued, w.Entries[i].ID)
	}
}

// Persisted makes the writes up to seq durable: from now on the node may speak
// of them.
func (c *Invariants) Persisted(now protocols.Time, id protocols.NodeID, seq uint64) {
	if c.first != nil {
		return
	}
	n := c.node(id)
	d := &n.durable
	k, q := 0, 0
	for ; k < len(n.pending) && n.pending[k].seq <= seq; k++ {
		w := &n.pending[k]
		d.registers = w.registers
		d.cut(w.after, w.base)
		d.log = append(d.log, n.queued[q:q+w.entries]...)
		q += w.entries
		d.compact(w.snapshot, w.base)
		n.vouch(c.protocol)
	}
	n.pending = n.pending[:copy(n.pending, n.pending[k:])]
	n.queued = n.queued[:copy(n.queued, n.queued[q:])]
}

// vouch notes what the durable registers promise. Each state that the node was
// told of counts, also one that a later write has replaced since: what rested
// on it may be on its way.
func (n *node) vouch(p Protocol) {
	r := n.durable.registers
	made := promise{r[0], protocols.NodeID(r[1])}
	if p == Zab {
		made = promise{epoch: r[1]}
	}
	if r[1] == 0 || len(n.promises) > 0 && n.promises[len(n.promises)-1] == made {
		return
	}
	n.promises = append(n.promises, made)
}

// promised counts the voters whose disks have ever made a promise.
func (c *Invariants) promised(p promise) (count int) {
	for i := 1; i <= c.voters; i++ {
		// Epochs grow along the list: what is sought is near the end.
		for _, x := range slices.Backward(c.nodes[i].promises) {
			if x == p {
				count++
			}
			if x.epoch <= p.epoch {
				break
			}
		}
	}
	return count
}

// votesDurable checks the votes behind a leader of Raft: a majority of the
// voters have, or had, their votes for it on disk, and its own term is on its own.
func (c *Invariants) votesDurable(now protocols.Time, id protocols.NodeID, term uint64) {
	if c.first != nil {
		return
	}
	if votes := c.promised(promise{term, id}); votes < c.majority() {
		c.fail(VoteDurable, now, id, "it is elected in term %d by votes of which %d are on the disks of the %d voters; %d are a majority", term, votes, c.voters, c.majority())
	} else if has := c.nodes[id].durable.registers[0]; has < term {
		c.fail(VoteDurable, now, id, "it is elected in term %d, and its own disk has term %d", term, has)
	}
}

// epochDurable checks the acknowledgements behind a leader of Zab, and behind the
// UPTODATE of a learner.
func (c *Invariants) epochDurable(now protocols.Time, id protocols.NodeID, epoch uint64, what string) {
	if c.first != nil {
		return
	}
	if acks := c.promised(promise{epoch: epoch}); acks < c.majority() {
		c.fail(EpochDurable, now, id, "it %s %d, which is the currentEpoch on the disks of %d of %d voters; %d are a majority", what, epoch, acks, c.voters, c.majority())
	}
}
