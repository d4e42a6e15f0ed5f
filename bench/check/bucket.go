package check

import "raftzab/protocols"

// A Bucket counts what became visible, or was seen, within a range of times after
// an acknowledgement: longer than From and up to To. The first is 0 to 0.
type Bucket struct {
	From, To           protocols.Time
	Visible, Invisible int
}

// Buckets sorts lags into ten buckets a decade, from 0.1 ms on: Visible became so
// within them, and Invisible was not when its trial ended.
func (l *Lags) Buckets() []Bucket {
	var b buckets
	for _, x := range l.seen.bars() {
		b.at(x.From).Visible += int(x.Count)
	}
	for _, x := range l.censored.bars() {
		b.at(x.From).Invisible += int(x.Count)
	}
	return b.filled()
}

// Buckets sorts reads likewise, by the time from the acknowledgement of the newest
// version: to Visible reads it was, and to Invisible ones it was not.
func (r *Reads) Buckets() []Bucket {
	var b buckets
	for _, x := range r.looks.bars() {
		b.at(x.From).Invisible += int(x.Count)
	}
	for _, x := range r.over.bars() {
		at := b.at(x.From)
		at.Visible += int(x.Count)
		at.Invisible -= int(x.Count)
	}
	return b.filled()
}

// preferred are Renard's numbers R10 (ISO 3), times a hundred: bounds that are as far
// apart as tenths of a decade and can be read.
var preferred = [...]int64{100, 125, 160, 200, 250, 315, 400, 500, 630, 800}

// bounds are the upper bounds of all buckets.
var bounds = func() (all []protocols.Time) {
	all = append(all, 0)
	for unit := int64(1000); ; unit *= 10 { // 0.1 ms is 100 of it
		for _, x := range preferred {
			if all = append(all, protocols.Time(x*unit)); x*unit > mostCounted {
				return all
			}
		}
	}
}()

// buckets are all there are, by bound.
type buckets []Bucket

// at is the bucket of a time in ns.
func (b *buckets) at(t int64) *Bucket {
	if *b == nil {
		*b = make(buckets, len(bounds))
	}
	i := 0
	for bounds[i] < protocols.Time(t) {
		i++
	}
	x := &(*b)[i]
	if x.To = bounds[i]; i > 0 {
		x.From = bounds[i-1]
	}
	return x
}

// filled are those in which something is.
func (b *buckets) filled() (some []Bucket) {
	for _, x := range *b {
		if x.Visible+x.Invisible > 0 {
			some = append(some, x)
		}
	}
	return some
}
