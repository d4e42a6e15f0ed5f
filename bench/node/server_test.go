package node

import (
	"slices"
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A node passes its inputs on; requests become one Propose and a Read each, in order.
func TestNodePassesItsInputsOn(t *testing.T) {
	s := begin(t, nil, 0, nil)
	s.Node.Wake(0, &s.out)
	s.Node.Receive(0, 2, nothing{}, &s.out)
	s.Node.Disconnected(0, 4, &s.out)
	s.Node.Persisted(0, 9, &s.out)
	s.Node.Compact(0, protocols.Snapshot{At: at(5)}, &s.out)
	if !s.Node.Transfer(0, 2, &s.out) {
		t.Error("a Transferrer cannot be asked")
	}
	s.submit(write(1, 1, 1, 10), write(2, 1, 1, 20))
	s.submit(read(1, 2, 1))
	s.submit(write(1, 3, 1, 30))
	want := []string{"wake", "receive from 2", "disconnected 4", "persisted 9", "compact 1.5", "transfer to 2", "propose [1.1 2.1]", "read 1.2 in mode 1", "propose [1.3]"}
	if !slices.Equal(s.heard, want) {
		t.Errorf("heard %q, want %q", s.heard, want)
	}
	if s.Node.Status().Epoch != 7 {
		t.Errorf("status %v", s.Node.Status())
	}
}

// A replica that cannot hand over is not asked to.
func TestNodeTellsWhoCannotTransfer(t *testing.T) {
	p := &puppet{}
	n := New[nothing](3, struct{ protocols.Replica[nothing] }{p}, nil, 0, nil)
	if n.Transfer(0, 2, &protocols.Output[nothing]{}) || len(p.heard) > 0 {
		t.Errorf("heard %q", p.heard)
	}
}

// Deliveries are taken after each call; messages, writes and the alarm stay.
func TestNodeTakesDeliveriesOnly(t *testing.T) {
	s := begin(t, nil, 0, nil)
	var seen []protocols.Entry
	s.Delivered = func(_ protocols.EntryID, committed []protocols.Entry) {
		if s.store.At() != (protocols.EntryID{}) {
			t.Errorf("Delivered at %v, after the state machine", s.store.At())
		}
		seen = append(seen, committed...)
	}
	s.out.Send(2, nothing{})
	s.out.Writes = append(s.out.Writes, protocols.Write{Seq: 1})
	s.does(protocols.Effects{Committed: []protocols.Entry{s.entry(write(1, 1, 1, 10))}, Wake: 5})
	if o := &s.out; len(o.Messages) != 1 || len(o.Writes) != 1 || o.Effects.Wake != 5 || len(o.Committed)+len(o.Reads)+len(o.Refused) != 0 || o.Abandoned {
		t.Errorf("left in the output: %+v", o)
	}
	if len(seen) != 1 || seen[0].ID != at(1) {
		t.Errorf("Delivered %v", seen)
	}
	s.does(protocols.Effects{})
	if len(seen) != 1 {
		t.Error("Delivered without a delivery")
	}
	if e := s.out.Events; len(e) != 1 || e[0].Kind != protocols.Applied || e[0].At != at(1) {
		t.Errorf("events %v", e)
	}
}

func TestWriteIsAnsweredWhenItIsApplied(t *testing.T) {
	s := begin(t, nil, 0, nil)
	a, b := write(1, 1, 7, 10), write(2, 1, 7, 20)
	s.submit(a)
	s.submit(b)
	s.replies()
	s.commits(b, write(9, 1, 7, 30)) // and one that came in elsewhere
	s.replies("2.1 ok 20 v1")
	s.commits(a)
	s.replies("1.1 ok 10 v3")
	s.commits(a) // a duplicate in the log is no news
	s.replies()
}

// A reply names the last entry applied before it, of whichever session.
func TestReplyNamesItsPosition(t *testing.T) {
	s := begin(t, nil, 0, nil)
	a, b, r := write(1, 1, 7, 10), write(2, 1, 7, 20), read(3, 1, 7)
	s.submit(a)
	s.submit(b)
	s.submit(r)
	s.does(protocols.Effects{Committed: []protocols.Entry{s.entry(a), s.entry(write(9, 1, 7, 30)), s.entry(b), s.entry(write(9, 2, 7, 40))}, Reads: []protocols.ReadState{{ID: r.ID}}})
	for i, want := range []uint64{1, 3, 4} {
		if s.Replies[i].At != at(want) {
			t.Errorf("reply %+v, want at %v", s.Replies[i], at(want))
		}
	}
	s.replies("1.1 ok 10 v1", "2.1 ok 20 v3", "3.1 ok 40 v4")
}

// A session's requests are answered in their order; another session's pass by.
func TestReadWaitsForTheWritesBeforeItInItsSession(t *testing.T) {
	s := begin(t, nil, 0, nil)
	w, r, v, other := write(1, 1, 7, 10), read(1, 2, 7), write(1, 3, 7, 20), read(2, 1, 7)
	s.submit(w)
	s.submit(r)
	s.submit(v)
	s.submit(other)
	s.permits(r, 0)
	s.replies()
	s.permits(other, 0)
	s.replies("2.1 ok 0 v0")
	s.commits(w, v)
	s.replies("1.1 ok 10 v1", "1.2 ok 10 v1", "1.3 ok 20 v2")
}

// A write that is applied waits for the read before it, which sees the state as
// it is by then.
func TestWriteWaitsForTheReadBeforeIt(t *testing.T) {
	s := begin(t, nil, 0, nil)
	r, w := read(1, 1, 7), write(1, 2, 7, 10)
	s.submit(r)
	s.submit(w)
	s.commits(w)
	s.replies()
	s.permits(r, 0)
	s.replies("1.1 ok 10 v1", "1.2 ok 10 v1")
}

// A read is served once the state has reached what it must see.
func TestReadWaitsForItsPosition(t *testing.T) {
	s := begin(t, nil, 0, nil)
	a, b, c := read(1, 1, 7), read(2, 1, 7), read(2, 2, 7)
	s.submit(a)
	s.submit(b)
	s.submit(c)
	s.permits(c, 0)
	s.permits(a, 2)
	s.permits(b, 3)
	s.replies()
	s.commits(write(9, 1, 7, 10))
	s.replies()
	s.commits(write(9, 2, 7, 20))
	s.replies("1.1 ok 20 v2")
	s.commits(write(9, 3, 7, 30))
	s.replies("2.1 ok 30 v3", "2.2 ok 30 v3")
	s.submit(read(1, 2, 7))
	s.permits(read(1, 2, 7), 3)
	s.replies("1.2 ok 30 v3")
}

func TestRefusalIsPassedOnAndOpensTheWay(t *testing.T) {
	s := begin(t, nil, 0, nil)
	w, r, v := write(1, 1, 7, 10), read(1, 2, 7), write(2, 1, 7, 20)
	s.submit(w)
	s.submit(r)
	s.submit(v)
	s.permits(r, 0)
	s.refuses(w, 4)
	s.replies("1.1 refused leader 4", "1.2 ok 0 v0")
	s.refuses(w, 4)
	s.replies()
	s.commits(v)
	s.replies("2.1 ok 20 v1")
}

// The request that a refusal is about may be behind others, which go on.
func TestRefusalBehindAnUnansweredRequest(t *testing.T) {
	s := begin(t, nil, 0, nil)
	w, v, x := write(1, 1, 7, 10), write(1, 2, 7, 20), write(1, 3, 7, 30)
	s.submit(w)
	s.submit(v)
	s.submit(x)
	s.refuses(v, 0)
	s.replies("1.2 refused")
	s.commits(w, x)
	s.replies("1.1 ok 10 v1", "1.3 ok 30 v2")
}

// Nobody may call a write refused that may yet take effect; a read has no effect.
func TestAbandonedWritesAreUnknownAndReadsRefused(t *testing.T) {
	s := begin(t, nil, 0, nil)
	w, r, v := write(1, 1, 7, 10), read(1, 2, 7), write(2, 1, 7, 20)
	s.submit(w)
	s.submit(r)
	s.submit(v)
	s.does(protocols.Effects{Abandoned: true, Committed: []protocols.Entry{s.entry(v)}, Refused: []protocols.Refusal{{ID: w.ID}}})
	s.replies("2.1 ok 20 v1", "1.1 refused", "1.2 refused") // what the same call knows for certain comes first
	s.submit(write(1, 3, 7, 30))
	s.submit(read(2, 2, 7))
	s.does(protocols.Effects{Abandoned: true})
	s.replies("1.3 unknown", "2.2 refused")
	s.commits(write(1, 3, 7, 30)) // it did take effect; the answer has gone out
	s.replies()
	s.submit(write(1, 4, 7, 40))
	s.commits(write(1, 4, 7, 40))
	s.replies("1.4 ok 40 v3")
}

// A node that is behind what the session has seen elsewhere refuses.
func TestNodeBehindTheSessionRefuses(t *testing.T) {
	s := begin(t, nil, 0, nil)
	s.commits(write(9, 1, 7, 10), write(9, 2, 7, 20))
	for _, c := range []struct {
		seen  uint64
		heard bool
	}{{3, false}, {2, true}, {1, true}} {
		for _, r := range []bench.Request{read(1, 10+uint32(c.seen), 7), write(1, 20+uint32(c.seen), 7, 1)} {
			s.heard = nil
			r.Seen = at(c.seen)
			s.submit(r)
			if (len(s.heard) > 0) != c.heard {
				t.Errorf("seen %d, at 2: the replica heard %q", c.seen, s.heard)
			}
		}
	}
	s.replies("1.13 refused", "1.23 refused")
}

// The same write tried twice at one node is answered twice, once per entry, even
// where both attempts wait behind a read.
func TestEachAttemptIsAnswered(t *testing.T) {
	s := begin(t, nil, 0, nil)
	r, w := read(1, 1, 7), write(1, 2, 7, 10)
	s.submit(r)
	s.submit(w)
	s.submit(w)
	s.commits(w, w)
	s.replies()
	s.permits(r, 0)
	s.replies("1.1 ok 10 v1", "1.2 ok 10 v1", "1.2 ok 10 v1")
}

// A write that turns out to be behind a later one of its session may have taken
// effect before, or not: Unknown, never OK.
func TestWriteBehindALaterOneIsUnknown(t *testing.T) {
	s := begin(t, nil, 0, nil)
	w := write(1, 1, 7, 10)
	s.submit(w)
	s.commits(write(1, 2, 7, 20), w)
	s.replies("1.1 unknown")
}

// A connection that is gone is owed no answers; what was asked takes effect, and
// the session's next requests, and other sessions, have theirs.
func TestForgottenSessionIsOwedNothing(t *testing.T) {
	s := begin(t, nil, 0, nil)
	w, r, other := write(1, 1, 7, 10), read(1, 2, 7), write(2, 1, 8, 20)
	s.submit(w)
	s.submit(r)
	s.submit(other)
	s.permits(r, 5) // parked
	s.Forget(1)
	s.Forget(77)
	next := read(1, 3, 7)
	s.submit(next)
	s.commits(w, other)
	s.replies("2.1 ok 20 v1")
	s.permits(r, 0)
	s.refuses(w, 4)
	s.replies()
	s.permits(next, 0)
	s.replies("1.3 ok 10 v1")
}

// A snapshot takes the place of the state; the writes of ours that it contains
// are answered from it.
func TestRestoreAnswersTheWritesItContains(t *testing.T) {
	var there kv.Store
	for i, r := range []bench.Request{write(9, 1, 7, 1), write(1, 1, 7, 10), write(2, 2, 8, 40)} {
		there.Apply(protocols.Entry{ID: at(uint64(i + 1)), Command: r.Command})
	}
	image := there.Image()
	s := begin(t, nil, 0, func(id protocols.EntryID) *kv.Image {
		if id != at(3) {
			t.Errorf("asks for the image %v", id)
		}
		return image
	})
	in, behind, late, waits := write(1, 1, 7, 10), read(1, 2, 7), write(2, 1, 8, 30), write(3, 1, 7, 50)
	for _, r := range []bench.Request{in, behind, late, waits} {
		s.submit(r)
	}
	s.permits(behind, 3)
	s.replies()
	s.index = 3
	s.does(protocols.Effects{Restore: at(3), Committed: []protocols.Entry{s.entry(waits)}})
	for i := range s.Replies { // all but the last were sent at the snapshot
		if want := at(3 + uint64(i/3)); s.Replies[i].At != want {
			t.Errorf("reply %d at %v, want %v", i, s.Replies[i].At, want)
		}
	}
	s.replies("1.1 ok 10 v2", "1.2 ok 10 v2", "2.1 unknown", "3.1 ok 50 v3")
	if e := s.out.Events; len(e) != 2 || e[0].Kind != protocols.Restored || e[0].At != at(3) || e[1].Kind != protocols.Applied {
		t.Errorf("events %v", e)
	}
}

// A node that boots from a snapshot has its state.
func TestNodeBeginsWithItsImage(t *testing.T) {
	var there kv.Store
	there.Apply(protocols.Entry{ID: at(4), Command: write(1, 1, 7, 10).Command})
	s := begin(t, there.Image(), 0, nil)
	r := read(1, 2, 7)
	r.Seen = at(4)
	s.submit(r)
	s.permits(r, 4)
	s.replies("1.2 ok 10 v1")
}

// An image is made each time so many entries are applied, unless the last is
// still to be saved.
func TestNodeMakesAnImageEverySoManyEntries(t *testing.T) {
	s := begin(t, nil, 3, nil)
	var made []protocols.EntryID
	for i := range uint32(12) {
		s.commits(write(1, i+1, 7, 1))
		if s.Save != nil && (len(made) == 0 || made[len(made)-1] != s.Save.Snapshot().At) {
			made = append(made, s.Save.Snapshot().At)
		}
		if i < 5 || i > 9 { // the driver is busy with the second one for a while
			s.Save = nil
		}
	}
	if want := []protocols.EntryID{at(3), at(6), at(12)}; !slices.Equal(made, want) {
		t.Errorf("images at %v, want %v", made, want)
	}
	never := begin(t, nil, 0, nil)
	never.commits(write(1, 1, 7, 1))
	if never.Save != nil {
		t.Error("an image that nobody asked for")
	}
}

// A snapshot from elsewhere makes the image of the state before it useless, and the
// next one is due as many entries behind it.
func TestRestoreDropsTheImageOfTheStateBefore(t *testing.T) {
	var there kv.Store
	there.Apply(protocols.Entry{ID: at(8)})
	s := begin(t, nil, 3, func(protocols.EntryID) *kv.Image { return there.Image() })
	for i := range uint32(5) {
		s.commits(write(1, i+1, 7, 1))
	}
	s.does(protocols.Effects{Restore: at(8)})
	if s.Save != nil {
		t.Errorf("still to be saved: %v", s.Save.Snapshot())
	}
	s.index = 8
	for i := range uint32(3) {
		s.commits(write(1, i+9, 7, 1))
	}
	if s.Save == nil || s.Save.Snapshot().At != at(11) {
		t.Errorf("to be saved: %v, want one of %v", s.Save, at(11))
	}
}

// An entry delivered twice, or a step back, is a broken promise of the replica's.
func TestDeliveryOutOfOrderPanics(t *testing.T) {
	for name, e := range map[string]protocols.Effects{
		"an entry twice":               {Committed: []protocols.Entry{{ID: at(5)}, {ID: at(5)}}},
		"an entry behind":              {Committed: []protocols.Entry{{ID: at(5)}, {ID: at(4)}}},
		"a snapshot behind":            {Restore: at(1)},
		"a snapshot that is not there": {Restore: at(9)},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			s := begin(t, nil, 0, func(id protocols.EntryID) *kv.Image {
				if id == at(9) {
					return nil
				}
				return new(kv.Store).Image()
			})
			s.does(protocols.Effects{Committed: []protocols.Entry{{ID: at(2)}}})
			s.does(e)
		})
	}
}

// The node refuses a request whose session has seen more, and never asks the
// replica: the alarm that the replica wants is still set.
func TestARefusalOfTheNodeKeepsTheAlarm(t *testing.T) {
	s := begin(t, nil, 0, nil)
	s.does(protocols.Effects{Wake: 42})
	s.out.Reset()
	r := write(1, 1, 1, 7)
	r.Seen = at(9)
	s.submit(r)
	s.replies("1.1 refused")
	if s.out.Wake != 42 {
		t.Errorf("the alarm is at %d, want 42", s.out.Wake)
	}
}
