package live

import (
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/live/clock"
	"raftzab/protocols"
)

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }

// Node 2 tells much later than it stamps, node 1 at once. Both are
// told of in the order of the stamps, with the status of that moment.
func TestWhatNodesDoIsToldInTheOrderOfTheirStamps(t *testing.T) {
	type message struct {
		at       protocols.Time
		from, to protocols.NodeID
		kind     uint8
		size     int
	}
	var messages []message
	e := stage(t, 2, func(c *Config) {
		c.Hold = 400 * time.Millisecond
		c.Sent = func(now protocols.Time, from, to protocols.NodeID, kind uint8, size int) {
			messages = append(messages, message{now, from, to, kind, size})
		}
	}, func(a *actor) {
		if a.ID == 2 {
			a.Late = 80 * time.Millisecond
		}
	})
	mustReady(t, e)
	c := newClient(t, e)
	c.listen = protocols.Events(protocols.Applied) // and not RoleChanged, which they tell of, too
	c.connect(1, 1)
	c.connect(2, 2)
	var from []protocols.NodeID
	var next [3]uint64
	c.watch = func(now protocols.Time, node protocols.NodeID, ev protocols.Event) {
		from = append(from, node)
		s, ok := e.Status(node)
		if ev.Kind != protocols.Applied || !ok || s.Last != ev.At || ev.At.Index != next[node]+2 { // the first was before Ready
			t.Errorf("node %d: %+v after %d, with status %+v", node, ev, next[node], s)
		}
		next[node]++
		if n := len(messages); n > 0 && messages[n-1].at > now {
			t.Errorf("a message of %d is told before what happened at %d", messages[n-1].at, now)
		}
	}
	const n = 20
	c.act(0, func() {
		e.Submit(1, put(1, 1, step, n))
		e.Submit(2, put(2, 1, step, n))
	})
	c.until("all events", func() bool { return len(from) == 2*n })
	turns := 0
	for i := range from[1:] {
		if from[i] != from[i+1] {
			turns++
		}
	}
	if turns < 4 { // what would be told as it comes, would be told in one turn
		t.Errorf("they did it in turns %v", from)
	}
	if !slices.IsSortedFunc(messages, func(a, b message) int { return int(a.at - b.at) }) || len(messages) != 2*n {
		t.Errorf("messages %v", messages)
	}
	if m := messages[len(messages)-1]; m.to != 9 || m.kind != 7 || m.size != n+1 || m.from != from[len(from)-1] {
		t.Errorf("the last message is %+v", m)
	}
	if e.order.late != 0 {
		t.Errorf("%d came too late", e.order.late)
	}
}

// What is held keeps its stamp from one run to the next, and what a node did before it
// died is told after its death.
func TestWhatIsHeldOutlastsTheRunAndTheNode(t *testing.T) {
	e := stage(t, 2, func(c *Config) { c.Hold = 200 * time.Millisecond }, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.listen = protocols.Events(protocols.Applied)
	c.connect(1, 2)
	told := map[protocols.Time]bool{}
	c.watch = func(now protocols.Time, node protocols.NodeID, ev protocols.Event) { told[now] = true }
	began := e.Now()
	c.act(0, func() { e.Submit(2, put(1, 1, step, 5)) })
	c.until("the answer", func() bool { return c.outcome(1, 1) == "OK" })
	killed := e.Now()
	if len(told) > 0 {
		t.Skip("this machine is busy with other things for too long")
	}
	c.inject(of(fault.Crash, 2))
	c.until("what it did", func() bool { return len(told) == 5 })
	for at := range told {
		if at < began || at > killed {
			t.Errorf("between %d and %d it did something at %d", began, killed, at)
		}
	}
}

// What was on its way to us when Ready returned is known from then on, and told to nobody.
func TestWhatCameBeforeReadyIsToldToNobody(t *testing.T) {
	var messages int
	e := stage(t, 1, func(c *Config) {
		c.Sent = func(protocols.Time, protocols.NodeID, protocols.NodeID, uint8, int) { messages++ }
	}, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.listen = protocols.AllEvents
	var told []protocols.Time
	c.watch = func(now protocols.Time, _ protocols.NodeID, _ protocols.Event) { told = append(told, now) }
	l, since := e.nodes[0].life, e.since
	for _, at := range []protocols.Time{since - 1, since} {
		e.in.putStamped([]happening{
			{kind: happened, life: l, at: at, status: protocols.Status{Epoch: uint64(at)}, events: make([]protocols.Event, 1)},
			{kind: sent, life: l, at: at},
		})
		c.act(20*time.Millisecond, func() {})
		if s, _ := e.Status(1); s.Epoch != uint64(at) {
			t.Errorf("status of %d: %+v", at, s)
		}
	}
	if !slices.Equal(told, []protocols.Time{since}) || messages != 1 {
		t.Errorf("told of %v and of %d messages; Ready returned at %d", told, messages, since)
	}
}

func TestWakeComesWhenAskedForAndNoSooner(t *testing.T) {
	e := stage(t, 1, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	var asked, times protocols.Time
	var lateness []protocols.Time
	c.do = func(now protocols.Time) protocols.Time {
		if now < asked {
			t.Errorf("asked for %d, woken at %d", asked, now)
		}
		if times++; times == 1 {
			asked = now
		} else {
			lateness = append(lateness, now-asked)
		}
		if times > 200 {
			return 0
		}
		asked += 700_000
		return asked
	}
	if err := e.Run(c, e.Now()+200*ms); err != nil {
		t.Fatal(err)
	}
	if times < 10 { // of 286
		t.Errorf("woken %d times", times)
	}
	slices.Sort(lateness)
	t.Logf("late by %v in the middle, %v at most", time.Duration(lateness[len(lateness)/2]), time.Duration(lateness[len(lateness)-1]))
}

func TestAnOrderHoldsBackAndSorts(t *testing.T) {
	o := order{hold: 10}
	take := func(now protocols.Time) (got []protocols.Time) {
		for x, ok := o.next(now); ok; x, ok = o.next(now) {
			got = append(got, x.at)
		}
		return got
	}
	add := func(stamps ...protocols.Time) {
		for _, at := range stamps {
			o.add(happening{at: at, size: len(o.held)})
		}
	}
	if _, ok := o.due(); ok {
		t.Error("something is due of nothing")
	}
	add(5, 3, 8, 4, 1)
	if at, ok := o.due(); !ok || at != 11 {
		t.Errorf("due at %d", at)
	}
	if got := take(10); got != nil {
		t.Errorf("told at 10: %v", got)
	}
	if got := take(14); !slices.Equal(got, []protocols.Time{1, 3, 4}) {
		t.Errorf("told at 14: %v", got)
	}
	if at, _ := o.due(); at != 16 { // 15, but it was asked at 14
		t.Errorf("due at %d", at)
	}
	add(6, 4)
	add(3) // too late
	if got := take(18); !slices.Equal(got, []protocols.Time{3, 4, 5, 6, 8}) {
		t.Errorf("told at 18: %v", got)
	}
	if o.count != 8 || o.late != 1 || o.latest != 1 {
		t.Errorf("of %d, %d late by up to %d", o.count, o.late, o.latest)
	}
	// Equal stamps keep their order, and nothing is lost however much is held.
	for i := range 10_000 {
		o.add(happening{at: protocols.Time(100 + i/4), size: i})
		if i%3 == 0 {
			continue
		}
		for x, ok := o.next(protocols.Time(100 + i/4 + 2)); ok; x, ok = o.next(protocols.Time(100 + i/4 + 2)) {
			if x.size != o.count-9 {
				t.Fatalf("%d is told as number %d", x.size, o.count-9)
			}
		}
	}
	if len(o.held) > 3000 {
		t.Errorf("%d are held", len(o.held))
	}
}

// Whoever sleeps is woken for what is due before the end of the sleep, and only then.
func TestAnInboxWakesForWhatCannotWait(t *testing.T) {
	b := newInbox(clock.At(clock.Monotonic()), 10)
	awake := func() bool {
		select {
		case <-b.ready:
			return true
		default:
			return false
		}
	}
	b.putStamped([]happening{{at: 1000}})
	if !awake() {
		t.Error("nobody said how long to sleep")
	}
	_, s, _ := b.take(nil, nil)
	if len(s) != 1 {
		t.Errorf("taken %v", s)
	}
	b.sleep(2000)
	b.putStamped(nil)
	b.putStamped([]happening{{at: 1990}})
	if awake() {
		t.Error("woken for what is told at 2000")
	}
	b.putStamped([]happening{{at: 1989}})
	if !awake() {
		t.Error("not woken for what is told at 1999")
	}
	_, s, now := b.take(nil, nil)
	b.putStamped([]happening{{at: 5000}})
	if !awake() || len(s) != 2 {
		t.Error("not woken after taking", s)
	}
	b.sleep(2000)
	b.put(happening{kind: replied})
	p, _, then := b.take(nil, nil)
	if !awake() || len(p) != 1 || p[0].at < now || p[0].at > then {
		t.Errorf("taken %v between %d and %d", p, now, then)
	}
}
