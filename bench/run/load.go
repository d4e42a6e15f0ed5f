package run

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/workload"
	"raftzab/protocols"
	"raftzab/results"
)

// A load is the clients of a scenario's workload and what became of what they
// asked for.
type load struct {
	clients *workload.Population
	from    Time // measured is what was due from here on, when the warm-up ends,
	to      Time // up to here
	all     [2]operations
	roles   [protocols.Observer + 1]operations // reads by who answered
	acked   int                                // in that time
	width   Time                               // of a window; 0: no time series
	windows []ended                            // by window, from from on
}

// Kinds of operations.
const (
	reading = iota
	writing
)

// An ended is how many operations ended in a window of time, with success and
// without.
type ended struct{ reads, writes, failed int }

// operations are a kind of operations: how many failed, and how long the others took.
type operations struct {
	refused, unknown int
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
	l := &load{width: s.Workload.Window.Time()}
	l.clients = workload.New(s.population(c.election.protocol), service{c}, l)
	return l
}

// reset begins a trial, in which clients ask from start on and are measured a
// little later.
func (l *load) reset(seed uint64, trial int, start, from Time) {
	l.from, l.to, l.acked, l.windows = from, 0, 0, l.windows[:0]
	for _, list := range [][]operations{l.all[:], l.roles[:]} {
		for i := range list {
			list[i].reset()
		}
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
	ok := o.Outcome == bench.OK
	if o.End >= l.from && (l.to == 0 || o.End < l.to) {
		if ok {
			l.acked++
		}
		l.count(o)
	}
	if o.Due < l.from {
		return
	}
	if o.Op == kv.Get {
		l.all[reading].add(o)
		l.roles[o.Role].add(o)
	} else {
		l.all[writing].add(o)
	}
}

// count adds to the time series.
func (l *load) count(o *workload.Operation) {
	if l.width == 0 {
		return
	}
	i := int((o.End - l.from) / l.width)
	for i >= len(l.windows) {
		l.windows = append(l.windows, ended{})
	}
	switch w := &l.windows[i]; {
	case o.Outcome != bench.OK:
		w.failed++
	case o.Op == kv.Get:
		w.reads++
	default:
		w.writes++
	}
}

// longestTook is what a histogram of latencies holds, in ns.
const longestTook = int64(1 << 40)

func (x *operations) reset() {
	x.refused, x.unknown = 0, 0
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

// report fills the row.
func (l *load) report(row *results.Trial) {
	if l.to <= l.from {
		return
	}
	r, w := &l.all[reading], &l.all[writing]
	row.Reads, row.ReadsFailed = results.Number(r.answered()), results.Number(r.failed())
	row.Writes, row.WritesFailed = results.Number(w.answered()), results.Number(w.failed())
	row.ReadP50, row.ReadP99 = r.quantile(0.5), r.quantile(0.99)
	row.CommitP50, row.CommitP99 = w.quantile(0.5), w.quantile(0.99)
	row.Throughput = results.Number(float64(l.acked) / (float64(l.to-l.from) / 1e9))
}
