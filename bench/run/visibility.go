package run

import (
	"cmp"
	"maps"
	"slices"

	"raftzab/bench/check"
	"raftzab/protocols"
	"raftzab/results"
)

// histograms are how soon writes were visible in the trial that row reports, to reads
// and, where servers tell, by their application; of roles that answered reads.
func (l *load) histograms(row *results.Trial, mode protocols.ReadMode, batch int) (rows []results.Visibility) {
	add := func(role protocols.Role, source string, all []check.Bucket) {
		for _, b := range all {
			r := results.NewVisibility(row)
			r.Batch, r.Role, r.Source = batch, role.String(), source
			r.From, r.To, r.Visible, r.Invisible = milliseconds(b.From), milliseconds(b.To), b.Visible, b.Invisible
			rows = append(rows, r)
		}
	}
	for role := range protocols.Observer + 1 {
		reads := l.stale.Reads(role, mode)
		add(role, "read", reads.Buckets())
		if l.visible != nil && reads.Completed > 0 {
			add(role, "applied", l.visible.Lags(role).Buckets())
		}
	}
	return rows
}

// batches add the rows of a cell's trials up, whatever their order.
type batches map[bucket]results.Visibility

// A bucket is what rows have in common that add up.
type bucket struct {
	batch        int
	role, source string
	to           results.Number
}

func (b batches) add(rows []results.Visibility) {
	for _, r := range rows {
		k := bucket{r.Batch, r.Role, r.Source, r.To}
		if sum, ok := b[k]; ok {
			r.Visible, r.Invisible = r.Visible+sum.Visible, r.Invisible+sum.Invisible
		}
		b[k] = r
	}
}

func (b batches) rows() []results.Visibility {
	return slices.SortedFunc(maps.Values(b), func(x, y results.Visibility) int {
		return cmp.Or(cmp.Compare(x.Batch, y.Batch), cmp.Compare(x.Role, y.Role), cmp.Compare(x.Source, y.Source), cmp.Compare(x.To, y.To))
	})
}
