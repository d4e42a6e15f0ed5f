package run

import (
	"math"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/workload"
	"raftzab/protocols"
	"raftzab/results"
)

// A load is the clients of a scenario's workload and what became of what they
// asked for.
type load struct {
	clients *workload.Population
	system  bench.System
	stale   *check.Staleness
	visible *check.Visibility // nil: nobody tells when it applies what
	from    Time              // measured is what was due from here on, when the warm-up ends,
	to      Time              // up to here
	all     [2]operations
	roles   [protocols.Observer + 1]operations // reads by who answered
	acked   int                                // in that time
	width   Time                               // of a window; 0: no time series
	windows []ended                            // by window, from from on
	ended   [2]int                             // operations, by kind, of the whole trial
	since   Time                               // t0; 0: no leader has been struck
	resumed []Time                             // by client: when an operation that began after t0 first succeeded
}

// Kinds of operations.
const (
	reading = iota
	writing
)

// An ended is how many operations ended in a window of time, with success and
// without, and what faults struck in it.
type ended struct {
	reads, writes, failed int
	faults                []fault.Kind
}

// operations are a kind of operations: how many failed, and how long the others took.
type operations struct {
	refused, unknown int
	hops, counted    int                     // of those that were answered, where somebody has counted
	took             *hdrhistogram.Histogram // ns, to a thousandth
}

// A service is a conductor as its clients see it.
type service struct{ *conductor }

func (s service) Submit(now Time, to NodeID, r bench.Request)     { s.submit(now, to, r) }
func (s service) Disconnect(session uint32, node NodeID)          { s.sys.Disconnect(session, node) }
func (s service) Status(id NodeID) (st protocols.Status, ok bool) { return s.sys.Status(id) }

// newLoad returns the clients that settings ask for; nil: none.
func newLoad(c *conductor) *load {
	s := &c.cell.Settings
	if s.Workload.Clients == 0 {
		return nil
	}
	l := &load{width: s.Workload.Window.Time(), stale: check.NewStaleness()}
	l.stale.Strict = check.ModesOf(s.strict()...)
	if c.checks != nil {
		l.visible = check.NewVisibility(s.Cluster.Voters, s.Cluster.Observers)
	}
	l.resumed = make([]Time, s.Workload.Clients)
	l.system = c.sys
	l.clients = workload.New(s.population(c.election.protocol), service{c}, l)
	return l
}

// reset begins a trial, in which clients ask from start on and are measured a
// little later.
func (l *load) reset(seed uint64, trial int, start, from Time) {
	l.from, l.to, l.acked, l.windows = from, 0, 0, l.windows[:0]
	l.ended, l.since = [2]int{}, 0
	clear(l.resumed)
	for _, list := range [][]operations{l.all[:], l.roles[:]} {
		for i := range list {
			list[i].reset()
		}
	}
	l.stale.Reset()
	if l.visible != nil {
		l.visible.Reset()
	}
	l.clients.Reset(seed, trial, start)
}

// end says when clients stop asking.
func (l *load) end(at Time) {
	l.to = at
	l.clients.End(at)
}

// Record takes in an operation that has ended.
func (l *load) Record(o *workload.Operation) {
	if o.Op == kv.Put || o.Due >= l.from {
		l.stale.Record(o)
	}
	if l.visible != nil && o.Due >= l.from {
		l.visible.Record(o)
	}
	ok := o.Outcome == bench.OK
	if ok && l.since > 0 && o.Start >= l.since && l.resumed[o.Client-1] == 0 {
		l.resumed[o.Client-1] = o.End
	}
	if o.End >= l.from && (l.to == 0 || o.End < l.to) {
		if ok {
			l.acked++
		}
		switch w := l.window(o.End); {
		case w == nil:
		case !ok:
			w.failed++
		case o.Op == kv.Get:
			w.reads++
		default:
			w.writes++
		}
	}
	kind := writing
	if o.Op == kv.Get {
		kind = reading
	}
	l.ended[kind]++
	if o.Due < l.from {
		return
	}
	l.all[kind].add(o)
	if kind == reading {
		l.roles[o.Role].add(o)
	}
}

// window is that of an instant; nil: there is no time series.
func (l *load) window(at Time) *ended {
	if l.width == 0 || at < l.from {
		return nil
	}
	i := int((at - l.from) / l.width)
	for i >= len(l.windows) {
		l.windows = append(l.windows, ended{})
	}
	return &l.windows[i]
}

// deposed takes in that a fault strikes the leader: from here on clients resume.
func (l *load) deposed(now Time) { l.since = now }

// A causer is a system that counts the messages between nodes that operations cause.
type causer interface {
	Caused() (reads, writes uint64)
}

// struck takes in that a fault has struck.
func (l *load) struck(now Time, k fault.Kind) {
	if w := l.window(now); w != nil {
		w.faults = append(w.faults, k)
	}
}

// longestTook is what a histogram of latencies holds, in ns.
const longestTook = int64(1 << 40)

func (x *operations) reset() {
	x.refused, x.unknown, x.hops, x.counted = 0, 0, 0, 0
	if x.took != nil {
		x.took.Reset()
	}
}

func (x *operations) add(o *workload.Operation) {
	switch o.Outcome {
	case bench.Refused:
		x.refused++
	case bench.Unknown:
		x.unknown++
	default:
		if x.took == nil {
			x.took = hdrhistogram.New(1000, longestTook, 3)
		}
		if o.Hops > 0 { // else what a timer sent answered it as well
			x.hops += o.Hops
			x.counted++
		}
		_ = x.took.RecordValue(min(int64(o.End-o.Due), longestTook)) // it is in range
	}
}

func (x *operations) answered() int {
	if x.took == nil {
		return 0
	}
	return int(x.took.TotalCount())
}

func (x *operations) failed() int { return x.refused + x.unknown }

// least is how many operations a trial must have for its p99.
const leastForP99 = 1000

// quantile is that of all operations, in ms: those that failed took longer than
// all others, and a quantile among them is not there.
func (x *operations) quantile(p float64) results.Number {
	n := x.answered()
	all := n + x.failed()
	if n == 0 || p > 0.95 && all < leastForP99 {
		return results.None
	}
	rank := math.Ceil(p * float64(all))
	if rank > float64(n) {
		return results.None
	}
	return milliseconds(Time(x.took.ValueAtQuantile(100 * rank / float64(n))))
}

// report fills the row of a trial that ends now, whose reads are in a mode.
func (l *load) report(row *results.Trial, now Time, mode protocols.ReadMode) {
	if l.visible != nil {
		l.visible.End(now)
	}
	if l.to <= l.from {
		return
	}
	r, w := &l.all[reading], &l.all[writing]
	row.Reads, row.ReadsFailed = results.Number(r.answered()), results.Number(r.failed())
	row.Writes, row.WritesFailed = results.Number(w.answered()), results.Number(w.failed())
	row.ReadP50, row.ReadP99 = r.quantile(0.5), r.quantile(0.99)
	row.CommitP50, row.CommitP99 = w.quantile(0.5), w.quantile(0.99)
	l.paths(row)
	row.ResumeP50, row.ResumeMost = l.resumption()
	row.Throughput = results.Number(float64(l.acked) / (float64(l.to-l.from) / 1e9))
	var all check.Reads
	for role := range protocols.Observer + 1 {
		all.Add(l.stale.Reads(role, mode))
	}
	if n := results.Number(all.Completed); n > 0 {
		row.Stale, row.VersionsMost, row.TimeMost = results.Number(all.Stale)/n, results.Number(all.MostBehind), milliseconds(all.MostLate)
	}
	if all.Completed >= leastForP99 {
		row.TimeP99 = results.Number(all.Late(0.99))
	}
	if l.visible != nil {
		curve := l.visible.Lags(protocols.Follower).Curve()
		row.LagP5, row.LagP50 = results.Number(curve.Quantile(0.05)), results.Number(curve.Quantile(0.5))
		row.LagP95, row.LagMost = results.Number(curve.Quantile(0.95)), results.Number(curve.Quantile(1))
	}
}

// paths fills in how many messages in a row operations took, and how many in all.
func (l *load) paths(row *results.Trial) {
	s, ok := l.system.(causer)
	if !ok || row.Probed { // what probes cause is in the count
		return
	}
	var caused [2]uint64
	caused[reading], caused[writing] = s.Caused()
	for kind, to := range [2][2]*results.Number{reading: {&row.ReadHops, &row.ReadMessages}, writing: {&row.WriteHops, &row.WriteMessages}} {
		if x := &l.all[kind]; x.counted > 0 {
			*to[0] = results.Number(float64(x.hops) / float64(x.counted))
			*to[1] = results.Number(float64(caused[kind]) / float64(l.ended[kind]))
		}
	}
}

// resumption is when clients went on after the fault: the median one and the last.
func (l *load) resumption() (median, most results.Number) {
	median, most = results.None, results.None
	if l.since == 0 {
		return
	}
	took := make([]Time, 0, len(l.resumed))
	for _, at := range l.resumed {
		if at > 0 {
			took = append(took, at-l.since)
		}
	}
	slices.Sort(took)
	if k := (len(l.resumed) - 1) / 2; k < len(took) {
		median = milliseconds(took[k])
	}
	if len(took) == len(l.resumed) {
		most = milliseconds(took[len(took)-1])
	}
	return
}

// reads are the rows of the trial that row reports.
func (l *load) reads(row *results.Trial, mode protocols.ReadMode) (rows []results.Reads) {
	for role := range protocols.Observer + 1 {
		s, took := l.stale.Reads(role, mode), &l.roles[role]
		r := results.NewReads(row)
		r.Role, r.ReadMode = role.String(), readModes[mode]
		r.Reads, r.Refused, r.Unanswered = s.Completed, s.Refused, s.Unknown
		r.P50, r.P99 = took.quantile(0.5), took.quantile(0.99)
		r.Stale, r.Backwards, r.OwnMissed, r.Clipped = s.Stale, s.NonMonotonic, s.NotOwn, s.Clipped
		if s.Completed > 0 {
			r.VersionsMost, r.TimeMost = results.Number(s.MostBehind), milliseconds(s.MostLate)
		}
		if s.Completed >= leastForP99 {
			r.VersionsP99, r.TimeP99 = results.Number(s.Behind(0.99)), results.Number(s.Late(0.99))
		}
		seen := 0
		if l.visible != nil {
			seen = l.lags(&r, role)
		}
		if s.Completed+s.Refused+s.Unknown+seen > 0 {
			rows = append(rows, r)
		}
	}
	return rows
}

// lags fills in how soon writes were visible at servers in a role, and returns how
// often they were to be.
func (l *load) lags(r *results.Reads, role protocols.Role) int {
	lags := l.visible.Lags(role)
	seen, censored := lags.Count()
	if seen+censored == 0 {
		return 0
	}
	r.Visible, r.Invisible = results.Number(seen), results.Number(censored)
	curve := lags.Curve()
	r.VisibleP50 = results.Number(curve.Quantile(0.5))
	if seen+censored >= leastForP99 {
		r.VisibleP99 = results.Number(curve.Quantile(0.99))
	}
	return seen + censored
}

// series are the rows of the time series of the trial that row reports.
func (l *load) series(row *results.Trial) (rows []results.Window) {
	if l.width == 0 {
		return nil
	}
	for at := l.from; at < l.to; at += l.width {
		r := results.NewWindow(row)
		r.At = milliseconds(at - l.from)
		w := l.window(at)
		r.Reads, r.Writes, r.Failed = w.reads, w.writes, w.failed
		var kinds []string
		for _, k := range w.faults {
			kinds = append(kinds, k.String())
		}
		r.Faults = strings.Join(kinds, " ")
		rows = append(rows, r)
	}
	return rows
}
