package wal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

const folder = "/node/wal"

// A story is lives of one store, drawn from a seed, beside what ought to be on its disk.
type story struct {
	t     testing.TB
	seed  uint64
	rng   *rand.Rand
	disk  *disk
	store *Store
	opts  Options

	states []protocols.Recovered // after 0, 1, 2, … writes of this life, each of which may be found
	synced int                   // at least this one
	whole  int                   // as long as the machine lives, at least this one
	saved  protocols.EntryID     // the latest image that was saved
	counts map[string]int        // what has happened
}

func newStory(t testing.TB, seed uint64) *story {
	rng := rand.New(rand.NewPCG(seed, 0))
	d := newDisk(rng)
	return &story{
		t: t, seed: seed, rng: rng, disk: d,
		opts:   Options{Files: d, SegmentSize: int64(sector * (2 + rng.IntN(30))), inline: true},
		states: make([]protocols.Recovered, 1), counts: map[string]int{},
	}
}

func (y *story) fatalf(format string, args ...any) {
	y.t.Helper()
	y.t.Fatalf("seed %d: %s", y.seed, fmt.Sprintf(format, args...))
}

func (y *story) now() *protocols.Recovered { return &y.states[len(y.states)-1] }

// image is the content of the snapshot at that position, the same each time.
func image(at protocols.EntryID) *kv.Image {
	var s kv.Store
	for i := range uint32(1 + at.Index%40) {
		s.Apply(protocols.Entry{Command: protocols.Command{
			ID: protocols.RequestID{Session: i % 7, Seq: i}, Key: i * i % 50, Value: at.Epoch<<32 | uint64(i), Op: kv.Put}})
	}
	s.Apply(protocols.Entry{ID: at})
	return s.Image()
}

func lastOf(r *protocols.Recovered) protocols.EntryID {
	if n := len(r.Entries); n > 0 {
		return r.Entries[n-1].ID
	}
	return r.Base
}

// entries draws some that come after a position.
func (y *story) entries(after protocols.EntryID) (es []protocols.Entry) {
	for range y.rng.IntN(4) {
		after.Index++
		if y.rng.IntN(6) == 0 { // Zab counts from 1 in each epoch
			after = protocols.EntryID{Epoch: after.Epoch + 1, Index: 1 + y.rng.Uint64N(2)*after.Index}
		}
		size := uint32(y.rng.IntN(100))
		if y.rng.IntN(8) == 0 {
			size = uint32(y.rng.IntN(6000))
		}
		es = append(es, protocols.Entry{ID: after, Command: protocols.Command{
			ID: protocols.RequestID{Session: y.rng.Uint32(), Seq: y.rng.Uint32()}, Key: y.rng.Uint32(), Size: size, Value: y.rng.Uint64(), Op: uint8(y.rng.Uint32())}})
	}
	return es
}

// write draws one that a replica might ask for in the state r.
func (y *story) write(r *protocols.Recovered) protocols.Write {
	w := protocols.Write{Registers: r.Registers, Snapshot: r.Snapshot.At, Base: r.Base, After: lastOf(r)}
	position := func() protocols.EntryID { // of the log, the base included
		if i := y.rng.IntN(len(r.Entries) + 1); i > 0 {
			return r.Entries[i-1].ID
		}
		return r.Base
	}
	switch y.rng.IntN(10) {
	case 0:
		w.Registers[y.rng.IntN(4)] = y.rng.Uint64()
		return w
	case 1, 2: // truncation, not of what is in a snapshot
		w.After = position()
		for _, at := range []protocols.EntryID{r.Snapshot.At, y.saved} {
			if w.After.Less(at) {
				w.After = at
			}
		}
		w.Entries = y.entries(protocols.EntryID{Epoch: lastOf(r).Epoch + 1})
		y.counts["truncation"]++
	case 3, 4: // compaction, if there is an image
		if r.Snapshot.At.Less(y.saved) && !lastOf(r).Less(y.saved) {
			w.Snapshot = y.saved
			if base := position(); y.rng.IntN(2) == 0 {
				w.Base = y.saved
			} else if r.Base.Less(base) && base.Less(y.saved) {
				w.Base = base
			}
			y.counts["compaction"]++
		}
		w.Entries = y.entries(lastOf(r))
	default:
		w.Entries = y.entries(lastOf(r))
	}
	return w
}

// append asks for some writes at once, and for the snapshot that one may name before.
func (y *story) append(ws ...protocols.Write) error {
	for i := range ws {
		next := *y.now()
		next.Apply(ws[i])
		y.states = append(y.states, next)
	}
	err := y.store.Append(ws)
	if err == nil {
		y.whole = len(y.states) - 1
	}
	return err
}

// install takes in a snapshot from elsewhere, in parts, and names it.
func (y *story) install() error {
	r := y.now()
	at := lastOf(r)
	if at.Index += 1 + y.rng.Uint64N(9); y.rng.IntN(3) == 0 {
		at = protocols.EntryID{Epoch: at.Epoch + 1, Index: 1 + y.rng.Uint64N(50)}
	}
	content := kv.AppendImage(nil, image(at))
	var chunks []protocols.Chunk
	for from := uint64(0); from < uint64(len(content)); {
		n := min(1+y.rng.Uint64N(200), uint64(len(content))-from)
		chunks = append(chunks, protocols.Chunk{At: at, Offset: from, Length: n})
		if y.rng.IntN(4) == 0 { // once more, more of it
			chunks = append(chunks, protocols.Chunk{At: at, Offset: from / 2, Length: from + n - from/2})
		}
		from += n
	}
	y.rng.Shuffle(len(chunks), func(i, j int) { chunks[i], chunks[j] = chunks[j], chunks[i] })
	for _, c := range chunks {
		if err := y.store.Aside(c, content[c.Offset:][:c.Length]); err != nil {
			return err
		}
	}
	if y.rng.IntN(5) == 0 {
		return nil // the leader has died
	}
	y.counts["installation"]++
	return y.append(protocols.Write{Registers: r.Registers, Snapshot: at, Base: at, After: at})
}

// act does one thing with the store.
func (y *story) act() error {
	switch k := y.rng.IntN(20); {
	case k < 5:
		synced := len(y.states) - 1
		if err := y.store.Sync(); err != nil {
			return err
		}
		if y.synced = synced; !y.disk.dies {
			y.looks()
		}
		return nil
	case k < 8:
		r := y.now()
		if i := len(r.Entries); i > 0 {
			if at := r.Entries[y.rng.IntN(i)].ID; r.Snapshot.At.Less(at) {
				if err := y.store.Save(image(at)); err != nil {
					return err
				}
				y.saved = at
				y.counts["image"]++
			}
		}
		return nil
	case k == 8:
		return y.install()
	}
	var ws []protocols.Write
	r := *y.now()
	for range 1 + y.rng.IntN(3) {
		w := y.write(&r)
		r.Apply(w)
		ws = append(ws, w)
	}
	return y.append(ws...)
}

// looks checks what is there of snapshots, and that of the log's files none is
// kept that holds nothing.
func (y *story) looks() {
	at := y.now().Snapshot.At
	i := y.store.Image(at)
	if at == (protocols.EntryID{}) {
		return
	}
	if i == nil {
		y.fatalf("snapshot %v is not there, and a durable write names it", at)
	}
	content := kv.AppendImage(nil, image(at))
	c := protocols.Chunk{At: at, Offset: y.rng.Uint64N(uint64(len(content)))}
	c.Length = y.rng.Uint64N(uint64(len(content)) - c.Offset + 1)
	if b, err := y.store.Chunk(c); err != nil || string(b) != string(content[c.Offset:][:c.Length]) {
		y.fatalf("%+v is % x, %v", c, b, err)
	}
	for _, name := range y.disk.find("snapshot-") {
		var id protocols.EntryID
		if fmt.Sscanf(filepath.Base(name), "snapshot-%d.%d", &id.Epoch, &id.Index); id.Less(at) {
			y.fatalf("%s is still there; a durable write names %v", name, at)
		}
	}
}

// open recovers, and finds out which of the possible states this is. The machine
// has lost its power, or it has only been the process that died.
func (y *story) open(power bool) {
	y.t.Helper()
	if problem := y.recover(power); problem != "" {
		y.fatalf("%s", problem)
	}
}

func (y *story) recover(power bool) (problem string) {
	s, err := Open(folder, y.opts)
	if err != nil {
		return fmt.Sprintf("after writes %d..%d of this life: %v", y.synced, len(y.states)-1, err)
	}
	got, image := s.Recovered()
	least := y.synced
	if !power {
		least = y.whole
	}
	for i := len(y.states) - 1; ; i-- {
		if i < least {
			return fmt.Sprintf("found %s,\nwhich is the state after none of writes %d..%d: %s\n%s", describe(&got), least, len(y.states)-1, describe(&y.states[least]), describe(y.now()))
		}
		if same(&got, &y.states[i]) {
			y.counts["write lost"] += len(y.states) - 1 - i
			break
		}
	}
	if problem := contains(&got, image); problem != "" {
		return problem
	}
	y.store, y.states, y.synced, y.whole, y.saved = s, []protocols.Recovered{got}, 0, 0, protocols.EntryID{}
	return ""
}

// contains checks that the image is that of the snapshot.
func contains(r *protocols.Recovered, i *kv.Image) string {
	at := r.Snapshot.At
	switch want := image(at); {
	case at == (protocols.EntryID{}) && (i != nil || r.Snapshot.Size != 0):
		return fmt.Sprintf("the empty state is %+v with %+v", r.Snapshot, i)
	case at == (protocols.EntryID{}):
	case i == nil:
		return fmt.Sprintf("snapshot %v has no content", at)
	case r.Snapshot != want.Snapshot() || string(kv.AppendImage(nil, i)) != string(kv.AppendImage(nil, want)):
		return fmt.Sprintf("snapshot %+v has the content %+v", r.Snapshot, i)
	}
	return ""
}

func same(a, b *protocols.Recovered) bool {
	return a.Registers == b.Registers && a.Snapshot.At == b.Snapshot.At && a.Base == b.Base && slices.Equal(a.Entries, b.Entries)
}

func describe(r *protocols.Recovered) string {
	return fmt.Sprintf("registers %x, snapshot %v, log after %v: %d entries up to %v", r.Registers, r.Snapshot.At, r.Base, len(r.Entries), lastOf(r))
}

// live goes on for so many acts, or until the process dies or an act fails, after
// which the store has to be dead. It returns whether it was a fault.
func (y *story) live(acts int) {
	y.t.Helper()
	for range acts {
		err := y.act()
		switch {
		case err == nil:
			continue
		case y.disk.dies:
		case errors.Is(err, errFault):
			y.counts["fault"]++
			if err := y.store.Append([]protocols.Write{{}}); err == nil {
				y.fatalf("a store whose disk has failed appends")
			}
			if err := y.store.Sync(); err == nil {
				y.fatalf("a store whose disk has failed syncs")
			}
			if err := y.store.Save(image(protocols.EntryID{Epoch: 1 << 40, Index: 1})); err == nil {
				y.fatalf("a store whose disk has failed saves")
			}
		default:
			y.fatalf("%v", err)
		}
		return
	}
}
