package swarm

import (
	"fmt"
	"slices"
	"strings"

	"raftzab/bench/check"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/raft"
)

// Shrinking answers what is needed to break it. It takes parts of a story away,
// plays what is left, and keeps that wherever the same breaks: Zeller and
// Hildebrandt's delta debugging ("Simplifying and Isolating Failure-Inducing
// Input", 2002), of one story after another.
//
// A story is no text, though: with an event less, everything behind it happens at
// another time, so a shorter story may need another chance to break. Each is
// played with several seeds of the cluster's own streams: with few at first, and
// where nothing more goes, with more and more.

// DefaultWork is how many events a shrinking may simulate: some ten seconds.
const DefaultWork = 30_000_000

const (
	startingARun = 200     // costs as much as so many events
	slack        = second  // how much later than before it may break
	near         = 20 * ms // gaps shorter than that stay
	rounded      = 10 * ms // times are rounded to this, or to a millisecond, where that does no harm
)

// A Size is what shrinking makes smaller.
type Size struct {
	Nodes, Faults, Requests int
	Events                  uint64
	Length                  Time // until it breaks
}

// SizeOf measures a story by its run.
func SizeOf(s *Story, r *Report) Size {
	return Size{s.Voters + s.Learners, len(s.Faults), len(s.Requests), r.Events, r.At}
}

// A Shrunk is a story that was reduced.
type Shrunk struct {
	Story  *Story
	Report *Report // of its run
	Before Size
	After  Size
	Runs   int // that it took
}

func (s Size) String() string {
	return fmt.Sprintf("%d faults, %d nodes, %d requests, %d events in %v", s.Faults, s.Nodes, s.Requests, s.Events, length(s.Length/ms*ms))
}

func (x *Shrunk) String() string {
	return fmt.Sprintf("from %v to %v, by %d runs", x.Before, x.After, x.Runs)
}

// Comment is what stands above the story in its file: what broke, in which seed
// of the swarm it was found, and the command that shows it.
func (x *Shrunk) Comment(seed uint64, command string) string {
	broken, _, _ := strings.Cut(x.Report.Violation, "\n")
	return fmt.Sprintf("%s\n\nFound by seed %d of the swarm of %s; reduced %v.\nTo see it: %s", broken, seed, x.Story.System, x, command)
}

type shrinker struct {
	play     func(*Story) *Report
	mark     string // of what has to break again
	best     *Story
	report   *Report
	chances  int // runs of one candidate
	runs     int
	work     uint64 // left
	progress func(done string, size Size, runs int)
}

// Shrink reduces a story that breaks something, by simulating about as many
// events as work says, and tells progress, where it is set, what it has come to.
// It returns nil if the story breaks nothing.
func Shrink(s *Story, work uint64, progress func(done string, size Size, runs int)) *Shrunk {
	x := &shrinker{play: func(s *Story) *Report { return s.Play(nil) }, work: work, progress: progress}
	return x.shrink(s)
}

func (x *shrinker) shrink(s *Story) *Shrunk {
	work, r := x.work, x.play(s)
	if r.Violation == "" {
		return nil
	}
	x.mark = mark(r)
	before := SizeOf(s, r)
	x.adopt(s, r)
	for x.chances = 3; x.chances <= 200 && x.work > 0; x.chances *= 4 {
		for x.work > 0 {
			was := SizeOf(x.best, x.report)
			x.faults()
			x.nodes()
			x.requests()
			x.plainer()
			x.sooner()
			if is := SizeOf(x.best, x.report); is.Nodes == was.Nodes && is.Faults == was.Faults && is.Requests == was.Requests {
				break
			}
		}
	}
	x.work, x.chances = work/10, 30
	x.round()
	r = x.play(x.best) // up to the breach and no further
	return &Shrunk{x.best, r, before, SizeOf(x.best, r), x.runs}
}

// mark is what two runs have in common that break in the same way. Assertions
// are told apart by their words without numbers.
func mark(r *Report) string {
	by := CaughtBy(r)
	if by == Assertion {
		line, _, _ := strings.Cut(r.Violation, "\n")
		by += strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return -1
			}
			return c
		}, line)
	}
	return by
}

// try plays a candidate, and makes it the best if it breaks as it should.
func (x *shrinker) try(c *Story) bool {
	if c.Heal == 0 && x.report.Verdict != check.NotLinearizable {
		c.End = x.report.At + slack
	}
	for i := 0; i < x.chances && x.work > 0; i++ {
		if i > 0 {
			c.Seed = random.TrialSeed(c.Seed, i) >> 40 // short, for it is to be read
		}
		r := x.play(c)
		x.runs++
		x.work -= min(x.work, r.Events+startingARun)
		if r.Violation != "" && mark(r) == x.mark {
			x.adopt(c, r)
			return true
		}
	}
	return false
}

// adopt takes a story that breaks, without all that comes behind the breach.
func (x *shrinker) adopt(s *Story, r *Report) {
	c := s.until(r.At)
	if c.Heal == 0 || r.At < c.Heal {
		c.Heal, c.End = 0, r.At
	}
	if r.Verdict == check.NotLinearizable { // it may take what came later to see it
		if cut := x.play(c); cut.Violation == "" {
			c = s.clone()
		}
	}
	x.best, x.report = c, r
}

func (x *shrinker) said(done string) {
	if x.progress != nil {
		x.progress(done, SizeOf(x.best, x.report), x.runs)
	}
}

func (x *shrinker) faults() {
	reduce(x.best.Faults, func(left []Strike) bool {
		c := x.best.clone()
		c.Faults = left
		return x.try(c)
	}, func() []Strike { return x.best.Faults }, x.affords)
	x.said("faults")
}

func (x *shrinker) requests() {
	reduce(x.best.Requests, func(left []Ask) bool {
		c := x.best.clone()
		c.Requests = left
		return x.try(c)
	}, func() []Ask { return x.best.Requests }, x.affords)
	x.said("requests")
}

// affords reports whether it leaves work for the rest to try so many candidates,
// all in vain.
func (x *shrinker) affords(candidates int) bool {
	return uint64(candidates*x.chances)*(x.report.Events+startingARun) < x.work/3
}

// nodes takes nodes away, the ones with the highest numbers first.
func (x *shrinker) nodes() {
	for id := NodeID(x.best.Voters + x.best.Learners); id >= 1; id-- {
		if x.best.Voters == 1 && int(id) == x.best.Voters {
			continue // somebody has to vote
		}
		if !x.try(x.best.without(id, false)) {
			x.try(x.best.without(id, true))
		}
	}
	x.said("nodes")
}

// plainer tries what makes a story easier to follow: no healing where it is not
// what is broken, no loss, and options as raft.Default has them.
func (x *shrinker) plainer() {
	standard := raft.Default()
	for _, change := range []func(s *Story) bool{
		func(s *Story) bool { return x.mark != Progress && set(&s.Heal, 0) },
		func(s *Story) bool { return set(&s.Air.Channel, network.Stream) },
		func(s *Story) bool { return set(&s.Air.Loss, 0) },
		func(s *Story) bool { return set(&s.Air.Duplicate, 0) },
		func(s *Story) bool { return set(&s.Air.Reorder, 0) },
		func(s *Story) bool { return set(&s.Images, 0) },
		func(s *Story) bool { return set(&s.Raft.CandidateTimeout, raft.Timeout{}) },
		func(s *Story) bool { return set(&s.Raft.PreVote, false) },
		func(s *Story) bool { return set(&s.Raft.ClockDrift, 0) },
		func(s *Story) bool { return set(&s.Raft.CheckQuorum, false) },
		func(s *Story) bool { return set(&s.Raft.CommitNotice, standard.CommitNotice) },
		func(s *Story) bool { return set(&s.Raft.Backtrack, standard.Backtrack) },
		func(s *Story) bool { return set(&s.Raft.Window, standard.Window) },
		func(s *Story) bool { return set(&s.Raft.MaxEntries, standard.MaxEntries) },
		func(s *Story) bool { return set(&s.Raft.ChunkSize, standard.ChunkSize) },
		func(s *Story) bool { return set(&s.Raft.Trailing, standard.Trailing) },
	} {
		if c := x.best.clone(); (c.System == "raft" || c.Heal != 0 || c.Air.Loss != 0) && change(c) {
			x.try(c)
		}
	}
	x.said("settings")
}

// set reports whether that changes anything.
func set[T comparable](x *T, value T) bool {
	changed := *x != value
	*x = value
	return changed
}

// sooner brings together what happens, the longest waits first.
func (x *shrinker) sooner() {
	for x.work > 0 {
		gaps := x.gaps()
		slices.SortStableFunc(gaps, func(a, b gap) int { return int(b.length - a.length) })
		gaps = gaps[:min(len(gaps), 20)]
		if !slices.ContainsFunc(gaps, func(g gap) bool { return x.try(x.best.earlier(g.from, g.length/2)) }) {
			break
		}
	}
	x.said("waits")
}

// A gap is a time in which nothing befalls the run.
type gap struct{ from, length Time }

func (x *shrinker) gaps() (gs []gap) {
	s := x.best
	times := []Time{0}
	if s.Heal != 0 {
		times = append(times, s.Heal) // the end follows it
	}
	for i := range s.Faults {
		times = append(times, s.Faults[i].At)
	}
	for i := range s.Requests {
		times = append(times, s.Requests[i].At)
	}
	slices.Sort(times)
	for i := 1; i < len(times); i++ {
		if d := times[i] - times[i-1]; d > near {
			gs = append(gs, gap{times[i-1], d})
		}
	}
	return gs
}

// earlier returns s with everything behind from moved ahead.
func (s *Story) earlier(from, by Time) *Story {
	return s.retimed(func(t Time) Time {
		if t > from {
			return t - by
		}
		return t
	})
}

func (s *Story) retimed(move func(Time) Time) *Story {
	c := s.clone()
	for i := range c.Faults {
		c.Faults[i].At = move(c.Faults[i].At)
	}
	for i := range c.Requests {
		c.Requests[i].At = move(c.Requests[i].At)
	}
	if c.Heal != 0 {
		c.Heal, c.End = move(c.Heal), move(c.Heal)+c.End-c.Heal
	}
	return c
}

// round gives everything times that can be read.
func (x *shrinker) round() {
	for _, to := range []Time{rounded, ms} {
		if x.try(x.best.retimed(func(t Time) Time { return (t + to/2) / to * to })) {
			break
		}
	}
}

// reduce takes parts out of a list as long as what is left passes: all of it,
// halves, quarters, and so on to single ones, and these until none goes; or to
// where so many candidates cannot be afforded. now returns the list as it is
// after a pass: it may have lost more than was asked.
func reduce[T any](list []T, passes func(left []T) bool, now func() []T, affords func(candidates int) bool) {
	if len(list) == 0 || passes(nil) {
		return
	}
	for size := (len(list) + 1) / 2; affords(len(list) / size); size = (size + 1) / 2 {
		removed := false
		for i := 0; i < len(list); {
			left := slices.Concat(list[:i], list[min(i+size, len(list)):])
			if len(left) < len(list) && passes(left) {
				list, removed = now(), true
			} else {
				i += size
			}
		}
		if size == 1 && !removed || len(list) == 0 {
			return
		}
	}
}
