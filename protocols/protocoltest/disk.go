package protocoltest

import (
	"cmp"
	"fmt"
	"slices"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A shelf holds the snapshots of one node: those that are durable, and parts of
// others that have come with messages and that a crash forgets.
type shelf struct {
	images  []*kv.Image // durable
	saving  *kv.Image   // being made durable by the node itself
	savedAt instant     // when it is
	asides  []aside
}

// An aside is what has come of a snapshot so far.
type aside struct {
	image *kv.Image
	parts []part // in order, without overlap
}

type part struct{ from, to uint64 } // bytes

// image returns the content of a durable snapshot, or nil.
func (s *shelf) image(at protocols.EntryID) *kv.Image {
	for _, i := range s.images {
		if i.Snapshot().At == at {
			return i
		}
	}
	return nil
}

// content looks up what a chunk holds that node from sends.
func (s *shelf) content(from nodeID, c protocols.Chunk) *kv.Image {
	if c.Length == 0 {
		return nil
	}
	i := s.image(c.At)
	if i == nil {
		panic(breach(fmt.Sprintf("node %d: sends of the snapshot %v, which it does not have", from, c.At)))
	}
	if size := i.Snapshot().Size; c.Offset+c.Length > size {
		panic(breach(fmt.Sprintf("node %d: sends the bytes from %d to %d of the snapshot %v, which has %d", from, c.Offset, c.Offset+c.Length, c.At, size)))
	}
	return i
}

// putAside keeps the content of a chunk, unless a durable snapshot has reached it.
func (s *shelf) putAside(c protocols.Chunk, content *kv.Image, durable protocols.EntryID) {
	if c.Length == 0 || !durable.Less(c.At) {
		return
	}
	i := slices.IndexFunc(s.asides, func(a aside) bool { return a.image.Snapshot().At == c.At })
	if i < 0 {
		i, s.asides = len(s.asides), append(s.asides, aside{image: content})
	}
	a := &s.asides[i]
	a.parts = append(a.parts, part{c.Offset, c.Offset + c.Length})
	slices.SortFunc(a.parts, func(x, y part) int { return cmp.Compare(x.from, y.from) })
	joined := a.parts[:1]
	for _, p := range a.parts[1:] {
		if last := &joined[len(joined)-1]; p.from <= last.to {
			last.to = max(last.to, p.to)
		} else {
			joined = append(joined, p)
		}
	}
	a.parts = joined
}

// arrived returns the content of a snapshot all of which is aside, or nil.
func (s *shelf) arrived(at protocols.EntryID) *kv.Image {
	for _, a := range s.asides {
		if named := a.image.Snapshot(); named.At == at && len(a.parts) == 1 && a.parts[0] == (part{0, named.Size}) {
			return a.image
		}
	}
	return nil
}

// complete reports whether all of a snapshot has come with chunks.
func (s *shelf) complete(at protocols.EntryID) bool { return s.arrived(at) != nil }

// recover returns the content of the snapshot that the disk names, and fills in
// its size. Others that were saved and that no write named are of no use any more.
func (s *shelf) recover(named *protocols.Snapshot) *kv.Image {
	image := s.image(named.At)
	s.images = nil
	if image != nil {
		s.images, *named = append(s.images, image), image.Snapshot()
	}
	return image
}

// forget is what a crash does.
func (s *shelf) forget() { s.saving, s.asides = nil, nil }

// carry makes a write durable, and before it what was put aside of the snapshot
// that it names. Older snapshots are dropped.
func (h *host[M]) carry(w protocols.Write) {
	if w.Snapshot != h.disk.Snapshot.At && h.image(w.Snapshot) == nil {
		image := h.arrived(w.Snapshot)
		if image == nil {
			panic(breach(fmt.Sprintf("node %d: write %d names the snapshot %v, of which not all is here", h.id, w.Seq, w.Snapshot)))
		}
		h.images = append(h.images, image)
	}
	h.disk.Apply(w)
	h.images = slices.DeleteFunc(h.images, func(i *kv.Image) bool { return i.Snapshot().At.Less(w.Snapshot) })
	h.asides = slices.DeleteFunc(h.asides, func(a aside) bool { return !w.Snapshot.Less(a.image.Snapshot().At) })
}

// persist makes the first count writes under way durable.
func (w *world[M]) persist(id nodeID, count int) {
	h := w.hosts[id]
	if count == 0 {
		return
	}
	for _, wr := range h.pending[:count] {
		h.carry(wr)
	}
	seq := h.pending[count-1].Seq
	h.pending = slices.Delete(h.pending, 0, count)
	h.syncing = 0
	w.saw.persisted(id, seq)
	h.node.Persisted(w.clock(h), seq, &w.out)
	w.carryOut(h)
}

// save makes the image that a node has made of its state durable, and tells it.
// One that an installed snapshot has overtaken is not kept.
func (w *world[M]) save(h *host[M]) {
	s := h.saving.Snapshot()
	if h.disk.Snapshot.At.Less(s.At) && h.image(s.At) == nil {
		h.images = append(h.images, h.saving)
	}
	h.saving = nil
	w.saw.saved(h.id, s)
	h.node.Compact(w.clock(h), s, &w.out)
	w.carryOut(h)
}

// compact has a node make a snapshot of its present state, durable at once.
func (w *world[M]) compact(id nodeID) error {
	h := w.hosts[id]
	i := h.store.Image()
	switch at := i.Snapshot().At; {
	case at == (protocols.EntryID{}):
		return fmt.Errorf("node %d has no state yet", id)
	case h.image(at) != nil:
		return fmt.Errorf("node %d has the snapshot %v already", id, at)
	}
	h.saving, h.node.Save = i, nil
	w.save(h)
	return nil
}
