package sim

import (
	"fmt"
	"slices"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A part is a snapshot on its way in: what of its content has been put aside.
// It is in memory only, so a death takes it.
type part struct {
	image *kv.Image
	spans []span // apart from each other, in order
}

// A span is the bytes from a up to, and without, b.
type span struct{ a, b uint64 }

// content finds what a message's chunk refers to, when the message is taken: the
// snapshot may be gone by the time the packet arrives.
func (h *host[M]) content(m *protocols.Envelope[M], chunk protocols.Chunk) *kv.Image {
	image := h.image(chunk.At)
	if image == nil {
		panic(fmt.Sprintf("sim: node %d sends %d a chunk of snapshot %v, which is not on its disk; there is %v. The message: %v", h.id, m.To, chunk.At, h.names(), m.Msg))
	}
	if size := image.Snapshot().Size; chunk.Offset+chunk.Length > size {
		panic(fmt.Sprintf("sim: node %d sends %d bytes %d..%d of snapshot %v, which has %d. The message: %v", h.id, m.To, chunk.Offset, chunk.Offset+chunk.Length, chunk.At, size, m.Msg))
	}
	return image
}

// putAside keeps a chunk's content, unless the disk holds that snapshot or a
// later one. Bytes that are there already are the same.
func (h *host[M]) putAside(chunk protocols.Chunk, image *kv.Image) {
	if !h.disk.Snapshot.At.Less(chunk.At) {
		return
	}
	i := slices.IndexFunc(h.aside, func(p part) bool { return p.image.Snapshot().At == chunk.At })
	if i < 0 {
		i = len(h.aside)
		h.aside = append(h.aside, part{})
	}
	p := &h.aside[i]
	p.image = image
	p.cover(span{chunk.Offset, chunk.Offset + chunk.Length})
}

// cover adds a span to those that are there.
func (p *part) cover(s span) {
	i := 0
	for i < len(p.spans) && p.spans[i].b < s.a {
		i++
	}
	j := i
	for ; j < len(p.spans) && p.spans[j].a <= s.b; j++ { // it touches these
		s.a, s.b = min(s.a, p.spans[j].a), max(s.b, p.spans[j].b)
	}
	p.spans = slices.Replace(p.spans, i, j, s)
}

// missing returns the first gap up to size; none: a is size.
func (p *part) missing(size uint64) span {
	gap := span{0, size}
	for _, s := range p.spans {
		if s.a > gap.a {
			gap.b = s.a
			break
		}
		gap.a = s.b
	}
	return gap
}

// claims checks that the snapshot which a write names anew is on the disk, or
// whole among what has been put aside: then it becomes durable before the write.
func (h *host[M]) claims(w *protocols.Write) {
	if w.Snapshot == h.named {
		return
	}
	if w.Snapshot.Less(h.named) {
		panic(fmt.Sprintf("sim: node %d goes back from snapshot %v to %v. The write: %+v", h.id, h.named, w.Snapshot, w))
	}
	h.named = w.Snapshot
	if h.image(w.Snapshot) != nil {
		return
	}
	for i := range h.aside {
		p := &h.aside[i]
		if s := p.image.Snapshot(); s.At == w.Snapshot {
			if gap := p.missing(s.Size); gap.a < s.Size {
				panic(fmt.Sprintf("sim: node %d installs a snapshot of which bytes %d..%d never arrived: %v of %d bytes, there are %v. The write: %+v", h.id, gap.a, gap.b, s.At, s.Size, p.spans, w))
			}
			return
		}
	}
	panic(fmt.Sprintf("sim: node %d installs a snapshot of which no byte ever arrived: %v; on its disk there is %v. The write: %+v", h.id, w.Snapshot, h.names(), w))
}

// perform makes a write durable, and before it the snapshot that it installs.
// What an earlier snapshot is needed for ends here.
func (h *host[M]) perform(w *protocols.Write) {
	if w.Snapshot != h.disk.Snapshot.At {
		if h.image(w.Snapshot) == nil {
			i := slices.IndexFunc(h.aside, func(p part) bool { return p.image.Snapshot().At == w.Snapshot })
			h.images = append(h.images, h.aside[i].image)
		}
		old := func(i *kv.Image) bool { return i.Snapshot().At.Less(w.Snapshot) }
		h.images = slices.DeleteFunc(h.images, old)
		h.aside = slices.DeleteFunc(h.aside, func(p part) bool { return p.image.Snapshot().At == w.Snapshot || old(p.image) })
	}
	h.disk.Apply(*w)
}

// forget drops what no life to come can name: what was put aside, and images
// that no durable write has named.
func (h *host[M]) forget() {
	h.aside = h.aside[:0]
	h.saving = nil
	h.images = slices.DeleteFunc(h.images, func(i *kv.Image) bool { return i.Snapshot().At != h.disk.Snapshot.At })
}

func (h *host[M]) image(at protocols.EntryID) *kv.Image {
	for _, i := range h.images {
		if i.Snapshot().At == at {
			return i
		}
	}
	return nil
}

// names lists the snapshots on the disk.
func (h *host[M]) names() (at []protocols.EntryID) {
	for _, i := range h.images {
		at = append(at, i.Snapshot().At)
	}
	return at
}
