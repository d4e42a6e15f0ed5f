package protocoltest

import "raftzab/protocols"

// --- the toy's snapshots

// Compact gives up the log before a snapshot, but for the trailing entries.
func (r *toy) Compact(now protocols.Time, s protocols.Snapshot, out *toyOutput) {
	if r.snapshot.At.Less(s.At) {
		r.older, r.snapshot = r.snapshot, s
		n, _ := r.log.UpTo(s.At)
		if keep := int(r.trailing); n > keep {
			r.log.Compact(r.log.At(n - keep - 1).ID)
		}
		r.write(r.log.Last(), nil, out)
	}
	r.done(out)
}

// sendSnapshot sends all of it at once, so it need not be held back.
func (r *toy) sendSnapshot(to protocols.NodeID, out *toyOutput) {
	s := r.snapshot
	if r.flaw == "sends a snapshot before the last" && r.older.Size > 0 {
		s = r.older
	}
	if r.flaw == "sends a snapshot that it has not got" {
		s.At.Index++
	}
	for offset := uint64(0); offset < s.Size; offset += r.chunk {
		part := protocols.Chunk{At: s.At, Offset: offset, Length: min(r.chunk, s.Size-offset)}
		if r.flaw == "sends more than there is" {
			part.Length++
		}
		out.Send(to, toyMessage{Type: toyPart, Epoch: r.epoch, Total: s.Size, Part: part})
	}
}

// take notes a part, and installs the snapshot when none is missing. One that
// is behind the own state is of no use.
func (r *toy) take(m toyMessage, out *toyOutput) {
	c := &r.coming
	if m.Part.At.Index <= r.committed && r.flaw != "goes back to the leader's snapshot" {
		return
	}
	if c.at != m.Part.At {
		*c = coming{at: m.Part.At, parts: make([]bool, (m.Total+r.chunk-1)/r.chunk)}
	}
	c.parts[m.Part.Offset/r.chunk] = true
	for _, here := range c.parts {
		if !here && r.flaw != "installs before all is there" {
			return
		}
	}
	r.epoch = m.Epoch
	r.older, r.snapshot = r.snapshot, protocols.Snapshot{At: c.at, Size: m.Total}
	r.log = protocols.NewLog(protocols.Recovered{Base: c.at})
	r.write(c.at, nil, out)
	c.seq = r.seq
	switch r.flaw {
	case "restores before it is durable":
		r.installed(out)
	case "delivers while it installs":
		out.Committed = append(out.Committed, protocols.Entry{ID: protocols.EntryID{Epoch: c.at.Epoch, Index: c.at.Index + 1}})
	}
}

func (r *toy) installed(out *toyOutput) {
	at := r.coming.at
	out.Restore, r.committed, r.coming = at, at.Index, coming{}
	if r.flaw == "forgets to restore" {
		out.Restore = protocols.EntryID{}
	}
	out.Emit(protocols.Event{Kind: protocols.CommitAdvanced, At: at})
	out.Send(1, toyMessage{Type: toyAck, Epoch: r.epoch, Length: at.Index})
}
